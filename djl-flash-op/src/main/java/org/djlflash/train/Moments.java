package org.djlflash.train;

import ai.djl.ndarray.NDArray;

/**
 * What AdamW remembers of a parameter's gradients.
 *
 * @param mean their mean, FLOAT32, shaped as the parameter
 * @param variance the mean of their squares, FLOAT32, shaped as the parameter
 */
record Moments(NDArray mean, NDArray variance) {

    static Moments of(NDArray weight) {
        return new Moments(weight.zerosLike(), weight.zerosLike());
    }
}
