package org.djlflash.examples.train;

import ai.djl.ndarray.types.DataType;

/**
 * How long and how fast to train.
 *
 * @param steps the number of updates, at least 1
 * @param batchSize the number of samples of an update, at least 1
 * @param learningRate the factor of AdamW's updates, more than 0
 * @param seed the same seed gives the same batches, dropout and first weights
 * @param precision the type to compute in: FLOAT32, BFLOAT16 or FLOAT16
 * @param every after so many steps held-out samples are measured, and a checkpoint is written
 * @param patience after so many measurements without a better one the training ends; 0: never
 */
public record StepSettings(
        int steps,
        int batchSize,
        float learningRate,
        int seed,
        DataType precision,
        int every,
        int patience) {

    /**
     * Checks the values.
     *
     * @param steps the number of updates
     * @param batchSize the number of samples of an update
     * @param learningRate the factor of AdamW's updates
     * @param seed any number
     * @param precision the type to compute in
     * @param every after so many steps held-out samples are measured
     * @param patience after so many measurements without a better one the training ends
     * @throws IllegalArgumentException if a value is not allowed
     */
    public StepSettings {
        if (steps < 1) {
            throw new IllegalArgumentException(steps + " steps, allowed is 1 or more");
        }
        if (batchSize < 1) {
            throw new IllegalArgumentException(
                    "batch size " + batchSize + ", allowed is 1 or more");
        }
        if (!(learningRate > 0 && learningRate <= 1)) {
            throw new IllegalArgumentException(
                    "learning rate " + learningRate + ", allowed is more than 0, up to 1");
        }
        if (every < 1) {
            throw new IllegalArgumentException(
                    "measured every " + every + " steps, allowed is 1 or more");
        }
        if (patience < 0) {
            throw new IllegalArgumentException("patience " + patience + ", allowed is 0 or more");
        }
    }
}
