package org.djlflash.examples;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import java.util.Arrays;
import java.util.function.Consumer;

/**
 * Turns tokens into text as they come. A token may end in the middle of a character, so what is
 * printed stays behind until the character is whole.
 */
final class TextStream {

    private static final char BROKEN = '\uFFFD';

    private final HuggingFaceTokenizer tokenizer;
    private final Consumer<String> printer;
    private String head;

    /** The tokens that have not been printed yet. */
    private long[] held = new long[0];

    private final StringBuilder text = new StringBuilder();

    /**
     * Starts a text.
     *
     * @param tokenizer the tokenizer, or null if there is none: then the ids are printed
     * @param head what is printed before the first token, but not before there is one
     * @param printer where the text goes
     */
    TextStream(HuggingFaceTokenizer tokenizer, String head, Consumer<String> printer) {
        this.tokenizer = tokenizer;
        this.head = head;
        this.printer = printer;
    }

    /** Adds a token; always true, so that it can be what a listener returns. */
    boolean add(int id) {
        if (tokenizer == null) {
            print(" " + id);
            return true;
        }
        held = Arrays.copyOf(held, held.length + 1);
        held[held.length - 1] = id;
        String part = tokenizer.decode(held);
        if (part.indexOf(BROKEN) < 0) {
            accept(part);
        }
        return true;
    }

    /** Prints what was held back. */
    void end() {
        if (held.length > 0) {
            accept(tokenizer.decode(held));
        } else {
            print("");
        }
    }

    private void accept(String part) {
        print(part);
        text.append(part);
        held = new long[0];
    }

    private void print(String part) {
        printer.accept(head + part);
        head = "";
    }

    /** Returns the text so far, or null if there is no tokenizer. */
    String text() {
        return tokenizer == null ? null : text.toString();
    }
}
