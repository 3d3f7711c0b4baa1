package org.djlflash.cuda.plan;

/**
 * How a tensor [B, H, rows, columns] lies in memory. Strides count elements. Immutable.
 *
 * @param batch the stride of B
 * @param head the stride of H
 * @param row the stride of the rows
 * @param column the stride of the columns
 * @param aligned whether the first element lies at a multiple of {@link #ALIGNMENT} bytes
 */
public record TensorLayout(long batch, long head, long row, long column, boolean aligned) {

    /** The bytes that a copy instruction moves: rows must start at multiples of it. */
    public static final int ALIGNMENT = 16;

    /**
     * Returns the layout of a contiguous tensor [B, H, rows, columns].
     *
     * @param heads H
     * @param rows the rows of a head
     * @param columns the elements of a row
     * @return the layout
     * @throws ArithmeticException if a stride does not fit
     */
    public static TensorLayout contiguous(long heads, long rows, long columns) {
        long head = Math.multiplyExact(rows, columns);
        return new TensorLayout(Math.multiplyExact(heads, head), head, columns, 1, true);
    }

    /**
     * Tells whether each row is contiguous and starts aligned. Strides of dimensions of size 1 do
     * not matter.
     *
     * @param element the type of the elements
     * @param sizes the sizes of B, H and the rows
     * @return whether the kernels can read and write it
     */
    public boolean hasAlignedRows(ElementType element, long... sizes) {
        int step = ALIGNMENT / element.bytes();
        return aligned
                && column == 1
                && isAligned(batch, sizes[0], step)
                && isAligned(head, sizes[1], step)
                && isAligned(row, sizes[2], step);
    }

    /**
     * Tells whether two rows share memory because a stride is 0.
     *
     * @param sizes the sizes of B, H and the rows
     * @return whether it must not be written to, nor read by asynchronous copies
     */
    public boolean repeatsRows(long... sizes) {
        return batch == 0 && sizes[0] > 1 || head == 0 && sizes[1] > 1 || row == 0 && sizes[2] > 1;
    }

    /**
     * Tells whether all strides that matter lie in a range.
     *
     * @param least the smallest that is allowed
     * @param limit the smallest that is too large
     * @param sizes the sizes of B, H and the rows
     * @return whether they do
     */
    boolean hasStridesBetween(long least, long limit, long... sizes) {
        long[] strides = {batch, head, row};
        for (int i = 0; i < strides.length; i++) {
            if (sizes[i] > 1 && (strides[i] < least || strides[i] >= limit)) {
                return false;
            }
        }
        return true;
    }

    private static boolean isAligned(long stride, long size, int step) {
        return size <= 1 || stride % step == 0;
    }

    @Override
    public String toString() {
        return "(" + batch + "," + head + "," + row + "," + column + (aligned ? ")" : ")unaligned");
    }
}
