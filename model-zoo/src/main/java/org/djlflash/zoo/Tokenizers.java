package org.djlflash.zoo;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;

/** Opens and uses the tokenizers of Hugging Face folders. */
public final class Tokenizers {

    private static final String FILE = "tokenizer.json";

    private Tokenizers() {}

    /**
     * Opens a tokenizer that adds no special tokens of its own and cuts nothing off.
     *
     * @param folder the folder
     * @return the tokenizer; the caller closes it
     * @throws IOException if there is none, or it cannot be read
     */
    public static HuggingFaceTokenizer open(Path folder) throws IOException {
        return open(
                folder,
                Map.of("addSpecialTokens", "false", "truncation", "false", "padding", "false"));
    }

    /**
     * Opens a tokenizer for an encoder: it adds the special tokens that the model was trained with
     * and cuts off what is too long.
     *
     * @param folder the folder
     * @param maxTokens the greatest number of tokens, special ones included
     * @return the tokenizer; the caller closes it
     * @throws IOException if there is none, or it cannot be read
     */
    public static HuggingFaceTokenizer openForEncoder(Path folder, int maxTokens)
            throws IOException {
        return open(
                folder,
                Map.of(
                        "addSpecialTokens",
                        "true",
                        "truncation",
                        "true",
                        "maxLength",
                        Integer.toString(maxTokens),
                        "padding",
                        "false"));
    }

    private static HuggingFaceTokenizer open(Path folder, Map<String, String> options)
            throws IOException {
        Path file = folder.resolve(FILE);
        if (!Files.isRegularFile(file)) {
            throw new FileNotFoundException("no " + FILE + " in the model's folder");
        }
        try {
            return HuggingFaceTokenizer.newInstance(file, options);
        } catch (RuntimeException e) {
            throw new IOException(FILE + " is not a tokenizer: " + e.getMessage(), e);
        }
    }

    /**
     * Encodes the start of a text as the model was trained to see it: with the tokens that the file
     * of the tokenizer puts around a text, such as the one that Llama begins with. GPT-2 has none.
     *
     * @param tokenizer the tokenizer
     * @param prompt the text
     * @return the ids
     */
    public static long[] encodePrompt(HuggingFaceTokenizer tokenizer, String prompt) {
        return tokenizer.encode(prompt, true, false).getIds();
    }
}
