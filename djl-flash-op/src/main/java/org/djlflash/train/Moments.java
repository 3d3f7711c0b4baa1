package org.djlflash.train;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.DataType;

/**
 * What AdamW remembers of a parameter's gradients.
 *
 * @param mean their mean, FLOAT32, shaped as the parameter
 * @param variance the mean of their squares, FLOAT32, shaped as the parameter
 */
record Moments(NDArray mean, NDArray variance) {

    /**
     * Begins with zeros.
     *
     * @throws IllegalArgumentException if the parameter is not FLOAT32
     */
    static Moments of(NDArray weight) {
        if (weight.getDataType() != DataType.FLOAT32) {
            throw new IllegalArgumentException(
                    "parameter of type "
                            + weight.getDataType()
                            + ", allowed is float32, in mixed precision as well");
        }
        return new Moments(weight.zerosLike(), weight.zerosLike());
    }

    void close() {
        mean.close();
        variance.close();
    }
}
