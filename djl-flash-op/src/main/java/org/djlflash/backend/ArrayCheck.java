package org.djlflash.backend;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.DataType;
import ai.djl.pytorch.engine.PtNDArray;
import org.djlflash.torch.ScalarType;
import org.djlflash.torch.Tensor;

/** What every array must be before it is looked at: there, PyTorch's, open, and dense. */
public final class ArrayCheck {

    private ArrayCheck() {}

    /**
     * Finds an array's type, also where DJL has no name for it.
     *
     * @param array a PyTorch array
     * @return the type; {@code BFLOAT16} for arrays that DJL calls {@code UNKNOWN} and are that
     */
    public static DataType type(NDArray array) {
        DataType type = array.getDataType();
        if (type != DataType.UNKNOWN) {
            return type;
        }
        try (Tensor tensor = Tensor.lentBy(array)) {
            return tensor.isOf(ScalarType.BFLOAT16) ? DataType.BFLOAT16 : type;
        }
    }

    /**
     * Demands that an array can be used.
     *
     * @param name what the message calls it
     * @param array the array
     * @throws IllegalArgumentException if it is null, another engine's, or sparse
     * @throws IllegalStateException if it is closed
     */
    public static void usable(String name, NDArray array) {
        if (array == null) {
            throw new IllegalArgumentException(name + " is null, allowed is an array");
        }
        if (!(array instanceof PtNDArray)) {
            throw new IllegalArgumentException(
                    name
                            + " is a "
                            + array.getClass().getSimpleName()
                            + ", allowed are arrays of the engine PyTorch");
        }
        if (((PtNDArray) array).isReleased()) {
            throw new IllegalStateException(name + " is closed, allowed is an open array");
        }
        if (array.isSparse()) {
            throw new IllegalArgumentException(
                    name
                            + " is sparse ("
                            + array.getSparseFormat()
                            + "), allowed are dense arrays");
        }
    }
}
