package org.djlflash.examples.train;

import java.util.ArrayList;
import java.util.List;

/**
 * A text, and what it is.
 *
 * @param label what it is
 * @param text the text
 */
public record LabelledText(String label, String text) {

    /**
     * Parses lines of a label, a tab and a text.
     *
     * @param lines the lines
     * @return a labelled text for each line
     * @throws IllegalArgumentException if a line is malformed; the message says which
     */
    public static List<LabelledText> parse(String lines) {
        List<LabelledText> parsed = new ArrayList<>();
        for (String line : lines.lines().toList()) {
            String[] fields = line.split("\t", -1);
            if (fields.length != 2) {
                throw malformed(parsed.size() + 1, fields.length - 1 + " tabs");
            }
            if (fields[0].isBlank() || fields[1].isBlank()) {
                throw malformed(parsed.size() + 1, fields[0].isBlank() ? "no label" : "no text");
            }
            parsed.add(new LabelledText(fields[0].strip(), fields[1].strip()));
        }
        return parsed;
    }

    private static IllegalArgumentException malformed(int line, String found) {
        return new IllegalArgumentException(
                "line " + line + " has " + found + ", allowed is a label, a tab and a text");
    }
}
