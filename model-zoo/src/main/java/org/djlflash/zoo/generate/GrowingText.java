package org.djlflash.zoo.generate;

import java.util.OptionalInt;

/** The text of tokens as they come, cut off where a stop string begins. For one thread. */
final class GrowingText {

    private final TextStream stream;
    private final StopStrings stops;
    private final StringBuilder text = new StringBuilder();
    private int handedOut;
    private boolean stopped;

    GrowingText(TokenDecoder decoder, int[] prompt, StopStrings stops) {
        stream = new TextStream(decoder, prompt);
        this.stops = stops;
    }

    /** Adds a token and returns the further text that is certain, perhaps none. */
    String add(int id) {
        append(stream.add(id));
        return handOut(stopped ? 0 : stops.possibleBeginning(text));
    }

    /** Returns the text that was held back, unless a stop string cuts it off. */
    String end() {
        if (!stopped) {
            append(stream.end());
        }
        return handOut(0);
    }

    private void append(String part) {
        int known = text.length();
        text.append(part);
        OptionalInt found = stops.find(text, known);
        if (found.isPresent()) {
            stopped = true;
            text.setLength(found.getAsInt());
        }
    }

    private String handOut(int held) {
        int end = Math.max(handedOut, text.length() - held);
        String part = text.substring(handedOut, end);
        handedOut = end;
        return part;
    }

    /** Tells whether a stop string came. */
    boolean isStopped() {
        return stopped;
    }

    @Override
    public String toString() {
        return text.toString();
    }
}
