package org.djlflash.zoo.generate.sampling;

import java.util.Arrays;
import java.util.Objects;
import java.util.random.RandomGenerator;

/**
 * Draws a token with the probability that softmax gives it. The same state of the generator and the
 * same logits give the same token.
 */
public final class RandomSampler implements Sampler {

    private final RandomGenerator random;

    /**
     * Creates a sampler.
     *
     * @param random the generator, which gives one number a token
     */
    public RandomSampler(RandomGenerator random) {
        this.random = Objects.requireNonNull(random, "random");
    }

    @Override
    public int next(float[] logits, int[] history) {
        Logits.check(logits);
        double[] weights = Logits.weights(logits);
        double rest = random.nextDouble() * Arrays.stream(weights).sum();
        int chosen = -1;
        // Rounding may leave a rest after the last token: a possible one is kept at hand.
        for (int id = 0; id < weights.length && rest >= 0; id++) {
            if (weights[id] > 0) {
                chosen = id;
                rest -= weights[id];
            }
        }
        return chosen;
    }
}
