package org.djlflash.cuda.launch;

import org.djlflash.cuda.plan.TensorLayout;

/**
 * A strided tensor [B, H, rows, columns] in GPU memory, owned by whoever gave it. Immutable.
 *
 * @param data the first element
 * @param layout the strides
 */
public record TensorView(DevicePointer data, TensorLayout layout) {

    /** No tensor. */
    public static final TensorView NONE =
            new TensorView(DevicePointer.NULL, new TensorLayout(0, 0, 0, 1, true));

    /**
     * Creates a view; whether it is aligned follows from its address.
     *
     * @param address the first element in GPU memory
     * @param batch the stride of B in elements
     * @param head the stride of H in elements
     * @param row the stride of the rows in elements
     * @param column the stride of the columns in elements
     * @return the view
     */
    public static TensorView of(long address, long batch, long head, long row, long column) {
        return new TensorView(
                new DevicePointer(address),
                new TensorLayout(batch, head, row, column, address % TensorLayout.ALIGNMENT == 0));
    }
}
