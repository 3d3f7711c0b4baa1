package org.djlflash.cuda.plan;

/**
 * Into how many parts the keys of a decode step are split. A pure function: as many as give every
 * multiprocessor two blocks, which is what it takes to keep its memory busy; more would only write
 * and read more partial results. Stateless.
 */
final class SplitHeuristic {

    /** The largest number that the combining kernel takes. */
    static final int MAXIMUM = 512;

    private static final int BLOCKS_PER_MULTIPROCESSOR = 2;

    /** From this share of multiprocessors with a block on, splitting costs more than it gains. */
    private static final double BUSY = 0.9;

    /** Fewer key blocks than this in a part do not pay for starting a block on the GPU. */
    private static final int MINIMUM_KEY_BLOCKS = 2;

    private SplitHeuristic() {}

    /**
     * Returns the number of parts.
     *
     * @param groups the independent pieces of work: batch x key heads x row tiles
     * @param keyBlocks the blocks of keys of one piece
     * @param multiprocessors of the GPU
     * @return 1 to {@link #MAXIMUM}
     */
    static int splits(long groups, long keyBlocks, int multiprocessors) {
        if (groups >= BUSY * multiprocessors) {
            return 1;
        }
        long wanted = BLOCKS_PER_MULTIPROCESSOR * (long) multiprocessors / groups;
        long most = Math.min(MAXIMUM, keyBlocks / MINIMUM_KEY_BLOCKS);
        return (int) Math.max(1, Math.min(wanted, most));
    }
}
