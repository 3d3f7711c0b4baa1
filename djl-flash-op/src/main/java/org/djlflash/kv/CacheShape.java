package org.djlflash.kv;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import java.util.Arrays;
import org.djlflash.backend.ArrayCheck;

/** What a cache has room for, and the checks that what is put into it fits. */
record CacheShape(
        int maxRows, int heads, int capacity, int headSize, DataType dataType, Device device) {

    /** The shape of the memory of the keys, or of the values. */
    Shape memory() {
        return new Shape(maxRows, heads, capacity, headSize);
    }

    /** Checks keys or values to be appended to the cache's rows. */
    void check(String name, NDArray array, int rows) {
        ArrayCheck.usable(name, array);
        Shape found = array.getShape();
        if (found.dimension() != 4
                || found.get(0) != rows
                || found.get(1) != heads
                || found.get(3) != headSize) {
            throw new IllegalArgumentException(
                    name
                            + " of shape "
                            + found
                            + ", allowed in this cache is ("
                            + rows
                            + ", "
                            + heads
                            + ", tokens, "
                            + headSize
                            + ")");
        }
        if (array.getDataType() != dataType || !array.getDevice().equals(device)) {
            throw new IllegalArgumentException(
                    name
                            + " is "
                            + array.getDataType()
                            + " on "
                            + array.getDevice()
                            + ", allowed in this cache is "
                            + dataType
                            + " on "
                            + device);
        }
    }

    /** Checks how many of some tokens are appended to each row. */
    void checkCounts(long[] counts, long tokens, long[] lengths) {
        checkPerRow("counts", counts, lengths.length);
        for (int row = 0; row < lengths.length; row++) {
            if (counts[row] < 0 || counts[row] > tokens) {
                throw new IllegalArgumentException(
                        "row " + row + " counts " + counts[row] + ", allowed is 0 to " + tokens);
            }
            if (lengths[row] + counts[row] > capacity) {
                throw new IllegalStateException(
                        "cache full: row "
                                + row
                                + " needs "
                                + (lengths[row] + counts[row])
                                + " tokens, the capacity is "
                                + capacity);
            }
        }
    }

    static void checkTokens(int tokens) {
        if (tokens < 0) {
            throw new IllegalArgumentException(tokens + " tokens, allowed is 0 or more");
        }
    }

    static void checkPerRow(String name, long[] numbers, int rows) {
        if (numbers == null || numbers.length != rows) {
            throw new IllegalArgumentException(
                    (numbers == null ? "null" : numbers.length)
                            + " "
                            + name
                            + ", allowed is one for each of "
                            + rows
                            + " rows");
        }
    }

    /** Checks which of the cache's rows there are to be. */
    void checkSelection(int[] selected, int rows) {
        if (selected == null || selected.length < 1 || selected.length > maxRows) {
            throw new IllegalArgumentException(
                    (selected == null ? "null" : selected.length)
                            + " rows, allowed is 1 to "
                            + maxRows);
        }
        if (Arrays.stream(selected).anyMatch(row -> row < 0 || row >= rows)) {
            throw new IllegalArgumentException(
                    "rows "
                            + Arrays.toString(selected)
                            + ", allowed are numbers from 0 to "
                            + (rows - 1));
        }
    }
}
