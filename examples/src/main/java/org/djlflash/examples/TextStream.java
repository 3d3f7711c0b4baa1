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
    private long[] ids = new long[0];
    private String printed = "";

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
        ids = Arrays.copyOf(ids, ids.length + 1);
        ids[ids.length - 1] = id;
        if (tokenizer == null) {
            print(" " + id);
            return true;
        }
        String text = tokenizer.decode(ids);
        if (text.indexOf(BROKEN, printed.length()) < 0) {
            printUpTo(text);
        }
        return true;
    }

    /** Prints what was held back. */
    void end() {
        if (tokenizer != null) {
            printUpTo(tokenizer.decode(ids));
        } else {
            print("");
        }
    }

    private void printUpTo(String text) {
        print(text.substring(printed.length()));
        printed = text;
    }

    private void print(String text) {
        printer.accept(head + text);
        head = "";
    }

    /** Returns the text so far, or null if there is no tokenizer. */
    String text() {
        return tokenizer == null ? null : printed;
    }
}
