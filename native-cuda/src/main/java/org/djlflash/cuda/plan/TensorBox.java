package org.djlflash.cuda.plan;

/**
 * The part of a tensor that one asynchronous copy moves: rows of one head. Shared memory holds it
 * row by row, 16-byte pieces permuted in the manner that its width names. Immutable.
 *
 * @param rows the rows, at most 256
 * @param columns the elements of a panel of a row: 16, 32 or 64
 * @param panels the panels that it takes of every row, one beside the other; 0 if it takes one,
 *     which may reach beyond the row and is zero there
 */
public record TensorBox(int rows, int columns, int panels) {

    /**
     * Creates a box of one panel.
     *
     * @param rows the rows, at most 256
     * @param columns the elements of a row: 16, 32 or 64
     */
    public TensorBox(int rows, int columns) {
        this(rows, columns, 0);
    }

    /**
     * Returns the width of the permutation.
     *
     * @return 32, 64 or 128
     */
    public int swizzleBytes() {
        return columns * ElementType.HALF_BYTES;
    }
}
