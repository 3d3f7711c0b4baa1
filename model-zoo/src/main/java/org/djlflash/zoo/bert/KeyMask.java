package org.djlflash.zoo.bert;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.types.DataType;
import org.djlflash.AttentionOptions;

/**
 * Which tokens of each row are attended to.
 *
 * @param lengths how many there are, if those left out are at the end of every row; else null
 * @param dense BOOLEAN, shape (B, 1, 1, T), or null
 */
record KeyMask(long[] lengths, NDArray dense) {

    /** Every token of every row. */
    static final KeyMask NONE = new KeyMask(null, null);

    /**
     * Reads a mask; on a GPU that waits for the device, once for all layers.
     *
     * @param mask shape (B, T), 0 for padding, anything else for a token
     */
    static KeyMask of(NDArray mask) {
        int rows = Math.toIntExact(mask.getShape().get(0));
        int tokens = Math.toIntExact(mask.getShape().get(1));
        NDArray kept = mask.toType(DataType.BOOLEAN, false);
        boolean[] values = kept.toBooleanArray();
        long[] lengths = new long[rows];
        for (int row = 0; row < rows; row++) {
            int length = 0;
            while (length < tokens && values[row * tokens + length]) {
                length++;
            }
            for (int i = length; i < tokens; i++) {
                if (values[row * tokens + i]) {
                    return new KeyMask(null, kept.reshape(rows, 1, 1, tokens));
                }
            }
            lengths[row] = length;
        }
        return new KeyMask(lengths, null);
    }

    /** Puts the dense mask behind an array. */
    NDList with(NDArray array) {
        return dense == null ? new NDList(array) : new NDList(array, dense);
    }

    /** Returns this mask with the dense one that {@link #with} has put into a list. */
    KeyMask of(NDList arrays) {
        return dense == null ? this : new KeyMask(lengths, arrays.get(1));
    }

    void addTo(AttentionOptions.Builder options) {
        if (lengths != null) {
            options.optKeyLengths(lengths);
        }
        options.optMask(dense);
    }
}
