package org.djlflash.zoo.generate;

import java.util.List;
import java.util.OptionalInt;

/** The strings that end a text, wherever they come. Immutable. */
record StopStrings(List<String> strings) {

    StopStrings {
        strings = List.copyOf(strings);
        for (String string : strings) {
            if (string.isEmpty()) {
                throw new IllegalArgumentException(
                        "stop string of 0 characters, allowed is 1 or more");
            }
        }
    }

    boolean isEmpty() {
        return strings.isEmpty();
    }

    /**
     * Finds the first of the strings.
     *
     * @param text the text
     * @param known how much of its beginning is known to hold none
     * @return where it begins
     */
    OptionalInt find(StringBuilder text, int known) {
        return strings.stream()
                .mapToInt(string -> text.indexOf(string, Math.max(0, known - string.length() + 1)))
                .filter(index -> index >= 0)
                .min();
    }

    /** Returns how much of a text's end may turn out to be the beginning of one of the strings. */
    int possibleBeginning(StringBuilder text) {
        int longest = 0;
        for (String string : strings) {
            int length = Math.min(string.length() - 1, text.length());
            while (length > longest && !endsWith(text, string, length)) {
                length--;
            }
            longest = Math.max(longest, length);
        }
        return longest;
    }

    private static boolean endsWith(StringBuilder text, String string, int length) {
        return text.substring(text.length() - length).equals(string.substring(0, length));
    }
}
