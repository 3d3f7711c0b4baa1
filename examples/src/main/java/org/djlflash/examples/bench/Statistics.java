package org.djlflash.examples.bench;

import java.util.Arrays;

/** Statistics of samples. */
final class Statistics {

    private Statistics() {}

    /**
     * Returns the median.
     *
     * @param samples at least one
     * @return the middle one, or the mean of the two in the middle
     */
    static double median(double... samples) {
        if (samples.length == 0) {
            throw new IllegalArgumentException("no samples, needed is at least one");
        }
        double[] sorted = samples.clone();
        Arrays.sort(sorted);
        int middle = sorted.length / 2;
        return sorted.length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
    }
}
