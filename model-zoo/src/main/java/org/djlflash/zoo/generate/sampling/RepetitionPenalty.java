package org.djlflash.zoo.generate.sampling;

import java.util.Arrays;

/**
 * Makes every token of the history less likely, once however often it occurs: its logit is divided
 * by the penalty if positive, and multiplied if negative.
 *
 * @param value the penalty, greater than 0; below 1 it is a reward
 */
public record RepetitionPenalty(double value) implements LogitsRule {

    /**
     * Checks the penalty.
     *
     * @param value the penalty
     * @throws IllegalArgumentException if it is not greater than 0, or not finite
     */
    public RepetitionPenalty {
        if (!(value > 0 && Double.isFinite(value))) {
            throw new IllegalArgumentException(
                    "repetition penalty must be finite and greater than 0, found " + value);
        }
    }

    /**
     * {@inheritDoc}
     *
     * @throws IllegalArgumentException if the history holds a token beyond the vocabulary
     */
    @Override
    public void apply(float[] logits, int[] history) {
        int[] tokens = Arrays.stream(history).distinct().toArray();
        for (int token : tokens) {
            if (token < 0 || token >= logits.length) {
                throw new IllegalArgumentException(
                        String.format(
                                "a token must be from 0 to %d, found %d",
                                logits.length - 1, token));
            }
        }
        for (int token : tokens) {
            float logit = logits[token];
            logits[token] = (float) (logit < 0 ? logit * value : logit / value);
        }
    }
}
