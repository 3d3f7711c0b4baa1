package org.djlflash.torch;

import ai.djl.ndarray.NDArray;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.jni.JniUtils;
import java.util.Optional;

/**
 * What DJL's engine can do with gradients, but its arrays do not offer.
 *
 * <p>Stateless; safe for use by many threads as far as each has arrays of its own.
 */
public final class Autograd {

    private Autograd() {}

    /**
     * Looks up the gradient of a leaf; {@code NDArray.getGradient} makes one of zeros where there
     * is none.
     *
     * @param leaf a PyTorch array
     * @return the gradient, a new handle that the caller closes of the array that autograd adds to;
     *     empty before the first
     */
    public static Optional<NDArray> gradient(NDArray leaf) {
        return Optional.ofNullable(JniUtils.getGradient((PtNDArray) leaf));
    }

    /**
     * Goes back from an array that autograd follows, and frees what was kept for that.
     *
     * @param output a PyTorch array
     * @param gradient its gradient, shaped alike
     */
    public static void backward(NDArray output, NDArray gradient) {
        JniUtils.backward((PtNDArray) output, (PtNDArray) gradient, false, false);
    }
}
