package org.djlflash.zoo.generate.sampling;

import java.util.Arrays;

/**
 * Keeps the most likely tokens until their probabilities reach p. Of tokens that are equally likely
 * the lower id comes first; the most likely token always stays.
 *
 * @param p the probability, in (0, 1]
 */
public record TopP(double p) implements LogitsRule {

    /**
     * Checks the probability.
     *
     * @param p the probability
     * @throws IllegalArgumentException if it is not in (0, 1]
     */
    public TopP {
        if (!(p > 0 && p <= 1)) {
            throw new IllegalArgumentException("topP must be in (0, 1], found " + p);
        }
    }

    @Override
    public void apply(float[] logits, int[] history) {
        if (p == 1) {
            return;
        }
        double[] weights = Logits.weights(logits);
        double total = Arrays.stream(weights).sum();
        long[] likeliest = candidates(logits, weights, total);
        Arrays.sort(likeliest);

        boolean[] kept = new boolean[logits.length];
        double sum = 0;
        for (int i = 0; i < likeliest.length && sum < p * total; i++) {
            int id = (int) likeliest[i];
            kept[id] = true;
            sum += weights[id];
        }
        for (int i = 0; i < logits.length; i++) {
            if (!kept[i]) {
                logits[i] = Float.NEGATIVE_INFINITY;
            }
        }
    }

    /**
     * Returns the tokens that may stay, as keys that sort by logit, then by id. Tokens lighter than
     * the mean of what is to go weigh less together than that: they go without being sorted.
     */
    private long[] candidates(float[] logits, double[] weights, double total) {
        double light = Math.min((1 - p) * total / weights.length, 1);
        long[] keys = new long[weights.length];
        int count = 0;
        for (int id = 0; id < weights.length; id++) {
            if (weights[id] >= light && weights[id] > 0) {
                keys[count++] = (long) descending(logits[id]) << Integer.SIZE | id;
            }
        }
        return Arrays.copyOf(keys, count);
    }

    /** Maps floats to integers of the opposite order, and both zeros to the same. */
    private static int descending(float value) {
        int bits = Float.floatToRawIntBits(value + 0f);
        return ~(bits ^ bits >> 31 & Integer.MAX_VALUE);
    }
}
