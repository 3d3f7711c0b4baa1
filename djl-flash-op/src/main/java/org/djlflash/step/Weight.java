package org.djlflash.step;

import ai.djl.ndarray.NDArray;

/**
 * The weight of a linear layer.
 *
 * @param weight FLOAT16, shape (outputs, inputs), row-major
 * @param bias FLOAT16, shape (outputs), or null
 */
public record Weight(NDArray weight, NDArray bias) {

    /**
     * Returns the number of outputs.
     *
     * @return the number
     */
    public int outputs() {
        return Math.toIntExact(weight.getShape().get(0));
    }

    /**
     * Returns the number of inputs.
     *
     * @return the number
     */
    public int inputs() {
        return Math.toIntExact(weight.getShape().get(1));
    }
}
