package org.djlflash.cuda.plan;

/**
 * Into how many parts the keys of a decode step are split. A pure function: as few as keep the GPU
 * nearly as busy as any larger number would, since every part costs a write and a read of its
 * state. Stateless.
 */
final class SplitHeuristic {

    /** The largest number that the combining kernel takes. */
    static final int MAXIMUM = 512;

    /** Fewer key blocks than this in a part do not pay for starting a block on the GPU. */
    private static final int MINIMUM_BLOCKS = 2;

    /** From this share of busy places on, splitting gains nothing. */
    private static final double BUSY = 0.8;

    /** How near to the best efficiency the smallest number must come. */
    private static final double NEARLY_BEST = 0.85;

    private SplitHeuristic() {}

    /**
     * Returns the number of parts.
     *
     * @param groups the independent pieces of work: batch x key heads x row tiles
     * @param keyBlocks the blocks of keys of one piece
     * @param places the blocks that the GPU runs at a time
     * @return 1 to {@link #MAXIMUM}
     */
    static int splits(long groups, long keyBlocks, long places) {
        int most = (int) Math.min(MAXIMUM, keyBlocks / MINIMUM_BLOCKS);
        if (groups >= BUSY * places || most <= 1) {
            return 1;
        }
        double best = 0;
        for (int splits = 1; splits <= most; splits++) {
            best = Math.max(best, efficiency(groups * splits, places));
        }
        int splits = 1;
        while (efficiency(groups * splits, places) < NEARLY_BEST * best) {
            splits++;
        }
        return splits;
    }

    /** The share of places that are busy, averaged over the waves of blocks. */
    private static double efficiency(long blocks, long places) {
        double waves = (double) blocks / places;
        return waves / Math.ceil(waves);
    }
}
