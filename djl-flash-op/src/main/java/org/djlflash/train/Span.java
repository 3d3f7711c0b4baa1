package org.djlflash.train;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.DataType;
import java.util.Arrays;
import java.util.List;
import org.djlflash.torch.Tensor;

/**
 * Arrays of which a kernel goes through equally many elements together.
 *
 * @param columns the arrays, in the kernel's order
 */
record Span(List<Column> columns) {

    /**
     * An array, or part of one.
     *
     * @param array FLOAT32 or of 16 bits, contiguous; null where the kernel needs none
     * @param offset the first element
     */
    record Column(NDArray array, long offset) {

        long address() {
            if (array == null) {
                return 0;
            }
            try (Tensor tensor = Tensor.lentBy(array)) {
                return tensor.address() + offset * bytes();
            }
        }

        int bytes() {
            // The other types are those of 16 bits, for one of which DJL has no name.
            return array != null && array.getDataType() == DataType.FLOAT32
                    ? Float.BYTES
                    : Short.BYTES;
        }
    }

    /** Takes whole FLOAT32 arrays. */
    static Span of(NDArray... arrays) {
        return new Span(Arrays.stream(arrays).map(array -> new Column(array, 0)).toList());
    }

    /** Returns the number of elements: that of the first array there is. */
    long size() {
        return columns.stream()
                .filter(column -> column.array() != null)
                .findFirst()
                .orElseThrow()
                .array()
                .getShape()
                .size();
    }

    /**
     * Refuses what a kernel would misread.
     *
     * @throws IllegalArgumentException if an array is not contiguous
     */
    void check() {
        columns.stream().map(Column::array).filter(array -> array != null).forEach(Span::check);
    }

    private static void check(NDArray array) {
        try (Tensor tensor = Tensor.lentBy(array)) {
            long stride = 1;
            long[] sizes = tensor.sizes();
            long[] strides = tensor.strides();
            for (int i = sizes.length - 1; i >= 0; i--) {
                if (sizes[i] != 1 && strides[i] != stride) {
                    throw new IllegalArgumentException(
                            "parameter, gradient or moment of shape "
                                    + array.getShape()
                                    + " has strides "
                                    + Arrays.toString(strides)
                                    + ", allowed is contiguous");
                }
                stride *= sizes[i];
            }
        }
    }
}
