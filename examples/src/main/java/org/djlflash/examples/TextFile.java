package org.djlflash.examples;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.LongStream;

/** Reads the text files that options name. */
final class TextFile {

    private static final String BYTE_ORDER_MARK = "\uFEFF";

    private TextFile() {}

    /**
     * Reads a file.
     *
     * @param option the option that names it, for errors
     * @param file the file
     * @return its text, never empty
     */
    static String read(String option, Path file) throws IOException {
        String name = option + " " + file + ": ";
        if (!Files.isRegularFile(file)) {
            throw new IllegalArgumentException(name + "not a file");
        }
        try {
            String text = Files.readString(file);
            if (text.startsWith(BYTE_ORDER_MARK)) {
                text = text.substring(1);
            }
            if (text.isBlank()) {
                throw new IllegalArgumentException(name + "empty");
            }
            return text;
        } catch (CharacterCodingException e) {
            throw new IllegalArgumentException(name + "not UTF-8", e);
        }
    }

    /** Encodes line by line, as the embedded model's training did. */
    static long[] encode(HuggingFaceTokenizer tokenizer, String text) {
        return text.lines()
                .flatMapToLong(line -> LongStream.of(tokenizer.encode(line + "\n").getIds()))
                .toArray();
    }
}
