package org.djlflash.zoo.generate.sampling;

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
}
