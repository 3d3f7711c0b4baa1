package org.djlflash.examples.train;

import java.util.ArrayList;
import java.util.List;

/**
 * Reads comma-separated values: fields may be quoted, then they may hold commas, line ends and
 * doubled quotes.
 *
 * @see <a href="https://www.rfc-editor.org/rfc/rfc4180">RFC 4180</a>
 */
final class CsvRecords {

    private final List<List<String>> records = new ArrayList<>();
    private List<String> fields = new ArrayList<>();
    private final StringBuilder field = new StringBuilder();

    private CsvRecords() {}

    static List<List<String>> parse(String content) {
        CsvRecords reader = new CsvRecords();
        reader.read(content.replace("\r\n", "\n"));
        return reader.records;
    }

    private void read(String content) {
        boolean quoted = false;
        for (int i = 0; i < content.length(); i++) {
            char c = content.charAt(i);
            if (quoted) {
                boolean doubled =
                        c == '"' && i + 1 < content.length() && content.charAt(i + 1) == '"';
                if (c != '"' || doubled) {
                    field.append(c);
                    i += doubled ? 1 : 0;
                } else {
                    quoted = false;
                }
            } else if (c == '"' && field.isEmpty()) {
                quoted = true;
            } else if (c == ',') {
                endField();
            } else if (c == '\n') {
                endRecord();
            } else {
                field.append(c);
            }
        }
        if (quoted) {
            throw new IllegalArgumentException(
                    "record " + (records.size() + 1) + " has a quote that is not closed");
        }
        if (!field.isEmpty() || !fields.isEmpty()) {
            endRecord();
        }
    }

    private void endField() {
        fields.add(field.toString());
        field.setLength(0);
    }

    private void endRecord() {
        endField();
        records.add(fields);
        fields = new ArrayList<>();
    }
}
