package org.djlflash.zoo.generate.sampling;

import java.util.Optional;
import java.util.random.RandomGenerator;

/**
 * Chooses the next token of one text. A sampler may have a state, such as that of a random
 * generator: each text has its own, used by one thread at a time.
 */
@FunctionalInterface
public interface Sampler {

    /**
     * Chooses a token.
     *
     * @param logits the logits of this step, one for each token of the vocabulary; not changed
     * @param history the tokens so far, prompt included; not changed
     * @return the token
     * @throws IllegalStateException if a logit is NaN or positive infinity, or none is finite
     */
    int next(float[] logits, int[] history);

    /**
     * Returns what it takes to choose the same tokens elsewhere.
     *
     * @return the options and the generator; empty if the sampler has rules of its own
     */
    default Optional<Drawing> drawing() {
        return Optional.empty();
    }

    /**
     * How tokens are drawn.
     *
     * @param options the rules
     * @param random gives one number for each token that is drawn
     */
    record Drawing(SamplingOptions options, RandomGenerator random) {}
}
