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

    /** How the two are told apart in a file. */
    public enum Format {
        /** A label, a tab and a text in every line. */
        TSV,
        /** A label, a comma and a text in every record; quoted if need be, as RFC 4180 says. */
        CSV
    }

    /**
     * Parses a file.
     *
     * @param content its content
     * @param format its format
     * @return a labelled text for each line or record
     * @throws IllegalArgumentException if a line is malformed; the message says which
     */
    public static List<LabelledText> parse(String content, Format format) {
        List<LabelledText> parsed = new ArrayList<>();
        List<List<String>> records =
                format == Format.CSV
                        ? CsvRecords.parse(content)
                        : content.lines().map(line -> List.of(line.split("\t", -1))).toList();
        for (List<String> fields : records) {
            int line = parsed.size() + 1;
            if (fields.size() != 2) {
                String separators = format == Format.CSV ? " commas" : " tabs";
                throw malformed(line, fields.size() - 1 + separators, format);
            }
            if (fields.get(0).isBlank() || fields.get(1).isBlank()) {
                throw malformed(line, fields.get(0).isBlank() ? "no label" : "no text", format);
            }
            parsed.add(new LabelledText(fields.get(0).strip(), fields.get(1).strip()));
        }
        return parsed;
    }

    private static IllegalArgumentException malformed(int line, String found, Format format) {
        return new IllegalArgumentException(
                (format == Format.CSV ? "record " : "line ")
                        + line
                        + " has "
                        + found
                        + ", allowed is a label, a "
                        + (format == Format.CSV ? "comma" : "tab")
                        + " and a text");
    }
}
