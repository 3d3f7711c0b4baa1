package org.djlflash.zoo.generate.sampling;

/**
 * Keeps the k most likely tokens, and those as likely as the last of them.
 *
 * @param k how many, at least 1
 */
public record TopK(int k) implements LogitsRule {

    /**
     * Checks the number.
     *
     * @param k how many
     * @throws IllegalArgumentException if it is less than 1
     */
    public TopK {
        if (k < 1) {
            throw new IllegalArgumentException("topK must be at least 1, found " + k);
        }
    }

    @Override
    public void apply(float[] logits, int[] history) {
        if (k >= logits.length) {
            return;
        }
        float threshold = Logits.kthLargest(logits, k);
        for (int i = 0; i < logits.length; i++) {
            if (logits[i] < threshold) {
                logits[i] = Float.NEGATIVE_INFINITY;
            }
        }
    }
}
