package org.djlflash.step;

import ai.djl.ndarray.NDArray;

/**
 * The arrays by which a step chooses tokens.
 *
 * @param ids the tokens chosen, to be read by the next step: INT32, shape (B); -1 where none can be
 *     chosen, since a logit is NaN or positive infinity, or none is finite
 * @param ring the tokens chosen, INT32, shape (slots, B), each at the slot of its row's length
 *     modulo slots
 * @param lengths the tokens in the cache, INT32, shape (B)
 * @param rules what {@link #rule} gives for each row, INT64, shape (B, 4)
 * @param uniforms random numbers from 0 to below 1, FLOAT64, shape (slots, B), read at the same
 *     slots
 * @param seen 1 for tokens that a row has, UINT8, shape (B, V), kept up to date; null if no row has
 *     a penalty
 * @param values scratch memory, FLOAT32, shape (B, V); null if no row draws
 */
public record ChoiceArrays(
        NDArray ids,
        NDArray ring,
        NDArray lengths,
        NDArray rules,
        NDArray uniforms,
        NDArray seen,
        NDArray values) {

    /**
     * Encodes how a row chooses.
     *
     * @param temperature the temperature, 0 for the likeliest token
     * @param topP the probability that the kept tokens reach, 1 for all
     * @param penalty the repetition penalty, 1 for none
     * @param topK how many of the likeliest tokens are kept, 0 for all
     * @return 4 numbers
     */
    public static long[] rule(double temperature, double topP, double penalty, int topK) {
        return new long[] {
            Double.doubleToRawLongBits(temperature),
            Double.doubleToRawLongBits(topP),
            Double.doubleToRawLongBits(penalty),
            topK
        };
    }
}
