package org.djlflash.zoo.generate.sampling;

/** One rule that changes the logits of a step before a token is chosen. */
@FunctionalInterface
public interface LogitsRule {

    /**
     * Changes logits in place. A token becomes impossible by negative infinity.
     *
     * @param logits the logits of one step, one for each token of the vocabulary; none is NaN
     * @param history the tokens so far, prompt included
     */
    void apply(float[] logits, int[] history);
}
