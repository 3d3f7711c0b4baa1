package org.djlflash.zoo.generate.sampling;

/** Chooses the most likely token; of several, the one with the lowest id. Stateless. */
public final class GreedySampler implements Sampler {

    /** Creates a sampler. */
    public GreedySampler() {}

    @Override
    public int next(float[] logits, int[] history) {
        Logits.check(logits);
        int best = 0;
        for (int id = 1; id < logits.length; id++) {
            if (logits[id] > logits[best]) {
                best = id;
            }
        }
        return best;
    }
}
