package org.djlflash.examples.train;

/**
 * How long and how fast to train.
 *
 * @param steps the number of updates, at least 1
 * @param batchSize the number of samples of an update, at least 1
 * @param learningRate the factor of AdamW's updates, more than 0
 * @param seed the same seed gives the same batches, dropout and first weights
 */
public record StepSettings(int steps, int batchSize, float learningRate, int seed) {

    /**
     * Checks the values.
     *
     * @param steps the number of updates
     * @param batchSize the number of samples of an update
     * @param learningRate the factor of AdamW's updates
     * @param seed any number
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
    }
}
