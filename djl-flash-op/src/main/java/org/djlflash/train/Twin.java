package org.djlflash.train;

import ai.djl.ndarray.NDArray;

/**
 * A parameter, or its gradient, in FLOAT32 and in 16 bits.
 *
 * @param full the FLOAT32 array
 * @param low an array of 16 bits that holds as many elements and perhaps others
 * @param offset the first of them
 */
record Twin(NDArray full, NDArray low, long offset) {}
