package org.djlflash.step;

import ai.djl.ndarray.NDArray;

/**
 * A normalisation: by mean and variance, or by the root of the mean square.
 *
 * @param gain the factors, FLOAT16, shape (E)
 * @param shift what is added, FLOAT16, shape (E); null for the root of the mean square
 * @param epsilon what is added to the variance, or to the mean square
 */
public record Norm(NDArray gain, NDArray shift, double epsilon) {}
