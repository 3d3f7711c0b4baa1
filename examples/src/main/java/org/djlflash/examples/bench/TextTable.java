package org.djlflash.examples.bench;

import java.util.ArrayList;
import java.util.List;

/** A table for reading: the first columns to the left, numbers to the right. */
final class TextTable {

    private static final String GAP = "  ";

    private final int textColumns;
    private final List<List<String>> rows = new ArrayList<>();

    /**
     * Starts a table.
     *
     * @param textColumns how many columns are aligned left
     * @param header the names of the columns
     */
    TextTable(int textColumns, List<String> header) {
        this.textColumns = textColumns;
        rows.add(List.copyOf(header));
    }

    void add(List<String> row) {
        if (row.size() != rows.get(0).size()) {
            throw new IllegalArgumentException(
                    "a row of " + row.size() + " cells, allowed are " + rows.get(0).size());
        }
        rows.add(List.copyOf(row));
    }

    /** Returns the header and the rows, each as one line. */
    List<String> lines() {
        return rows.stream().map(this::line).toList();
    }

    private String line(List<String> row) {
        StringBuilder line = new StringBuilder();
        for (int column = 0; column < row.size(); column++) {
            String padding = " ".repeat(width(column) - row.get(column).length());
            line.append(column == 0 ? "" : GAP)
                    .append(column < textColumns ? "" : padding)
                    .append(row.get(column))
                    .append(column < textColumns ? padding : "");
        }
        return line.toString().stripTrailing();
    }

    private int width(int column) {
        return rows.stream().mapToInt(row -> row.get(column).length()).max().orElse(0);
    }
}
