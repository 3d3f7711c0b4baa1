package org.djlflash.zoo.generate.sampling;

/** What several rules need to know about logits. */
final class Logits {

    private Logits() {}

    /**
     * Checks that a token can be chosen.
     *
     * @param logits the logits
     * @throws IllegalStateException if one is NaN or positive infinity, or none is finite
     */
    static void check(float[] logits) {
        boolean possible = false;
        for (int id = 0; id < logits.length; id++) {
            if (Float.isNaN(logits[id]) || logits[id] == Float.POSITIVE_INFINITY) {
                throw new IllegalStateException(
                        "no token can be chosen: the logit of token " + id + " is " + logits[id]);
            }
            possible |= logits[id] > Float.NEGATIVE_INFINITY;
        }
        if (!possible) {
            throw new IllegalStateException(
                    "no token can be chosen: none of " + logits.length + " logits is finite");
        }
    }

    static float max(float[] logits) {
        float max = Float.NEGATIVE_INFINITY;
        for (float logit : logits) {
            max = Math.max(max, logit);
        }
        return max;
    }

    /** Returns the probabilities, scaled so that the greatest is 1. */
    static double[] weights(float[] logits) {
        float max = max(logits);
        double[] weights = new double[logits.length];
        for (int id = 0; id < logits.length; id++) {
            weights[id] = Math.exp((double) logits[id] - max);
        }
        return weights;
    }

    /** Selects by partition, since sorting a vocabulary would take longer than a step may. */
    static float kthLargest(float[] logits, int k) {
        float[] values = logits.clone();
        int wanted = values.length - k;
        int low = 0;
        int high = values.length - 1;
        while (low < high) {
            float pivot = values[low + high >>> 1];
            int left = low;
            int right = high;
            while (left <= right) {
                while (values[left] < pivot) {
                    left++;
                }
                while (values[right] > pivot) {
                    right--;
                }
                if (left <= right) {
                    float value = values[left];
                    values[left++] = values[right];
                    values[right--] = value;
                }
            }
            if (wanted <= right) {
                high = right;
            } else if (wanted >= left) {
                low = left;
            } else {
                break;
            }
        }
        return values[wanted];
    }
}
