package org.djlflash.zoo.generate;

import java.util.Arrays;

/**
 * Turns tokens into text as they come. A token may end in the middle of a character: its text stays
 * behind until the character is whole. For one thread.
 */
public final class TextStream {

    private static final String BROKEN = "\uFFFD";

    private final TokenDecoder decoder;

    /** The tokens that the next ones are decoded with, since a tokenizer may look at neighbours. */
    private long[] window = new long[0];

    /** How much text of the window was handed out. */
    private int done;

    /**
     * Starts a text.
     *
     * @param decoder the decoder
     * @param before the tokens before the text, of which only the last one matters
     */
    public TextStream(TokenDecoder decoder, int... before) {
        this.decoder = decoder;
        if (before.length > 0) {
            startAfter(before[before.length - 1]);
        }
    }

    /** A token that begins inside a character is no neighbour to decode others with. */
    private void startAfter(int id) {
        long[] last = {id};
        String text = decoder.decode(last);
        boolean whole = !text.startsWith(BROKEN) && !text.endsWith(BROKEN);
        window = whole ? last : new long[0];
        done = whole ? text.length() : 0;
    }

    /**
     * Adds a token.
     *
     * @param id the token's id
     * @return the text that it completes, perhaps none
     */
    public String add(int id) {
        window = Arrays.copyOf(window, window.length + 1);
        window[window.length - 1] = id;
        String text = decoder.decode(window);
        if (text.length() <= done || text.endsWith(BROKEN)) {
            return "";
        }
        String part = text.substring(done);
        startAfter(id);
        return part;
    }

    /**
     * Ends the text.
     *
     * @return what stayed behind
     */
    public String end() {
        String text = window.length == 0 ? "" : decoder.decode(window);
        String rest = text.substring(Math.min(done, text.length()));
        window = new long[0];
        done = 0;
        return rest;
    }
}
