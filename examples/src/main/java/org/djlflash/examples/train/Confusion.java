package org.djlflash.examples.train;

/** How often texts of each label were taken for each label. Not thread-safe. */
final class Confusion {

    private final long[][] counts;

    Confusion(int labels) {
        counts = new long[labels][labels];
    }

    void add(int right, int taken) {
        counts[right][taken]++;
    }

    /** Returns the share of right ones. */
    double accuracy() {
        long all = 0;
        long right = 0;
        for (int i = 0; i < counts.length; i++) {
            right += counts[i][i];
            for (long count : counts[i]) {
                all += count;
            }
        }
        return (double) right / all;
    }

    /**
     * Returns the mean over all labels of F1, the harmonic mean of precision and recall; a label
     * that neither is nor was taken counts as 0.
     */
    double macroF1() {
        double sum = 0;
        for (int label = 0; label < counts.length; label++) {
            long is = 0;
            long taken = 0;
            for (int other = 0; other < counts.length; other++) {
                is += counts[label][other];
                taken += counts[other][label];
            }
            sum += is + taken == 0 ? 0 : 2.0 * counts[label][label] / (is + taken);
        }
        return sum / counts.length;
    }
}
