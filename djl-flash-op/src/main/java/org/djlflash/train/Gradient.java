package org.djlflash.train;

import ai.djl.ndarray.NDArray;
import org.djlflash.torch.Tensor;

/**
 * A parameter and its gradient.
 *
 * @param id the parameter's id
 * @param weight its value
 * @param values the gradient, FLOAT32, shaped as the value
 */
record Gradient(String id, NDArray weight, NDArray values) {

    /** Sets the gradient to zero, whatever it holds: NaN minus NaN would not be. */
    void zero() {
        try (Tensor tensor = Tensor.lentBy(values)) {
            tensor.zero();
        }
    }
}
