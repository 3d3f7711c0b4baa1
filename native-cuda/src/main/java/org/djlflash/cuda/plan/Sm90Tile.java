package org.djlflash.cuda.plan;

/**
 * How the forward kernel of compute capability 9.0 cuts its problem, the sizes that measured best.
 * Immutable.
 *
 * @param blockN the keys of a step
 * @param groups the warp groups that compute, 64 queries each
 * @param queryStages the buffers for queries: with two the next job is loaded under the present one
 */
record Sm90Tile(int blockN, int groups, int queryStages) {

    private static final int GROUP_QUERIES = 64;
    private static final int KEY_STAGES = 2;

    /** What a buffer for queries needs beside them: the job and two barriers. */
    private static final int JOB_BYTES = 32 + 2 * Long.BYTES;

    /** The barriers of keys and values. */
    private static final int BARRIER_BYTES = 9 * Long.BYTES;

    /**
     * Returns the tile of a problem.
     *
     * @param headDim the compiled head size, 64 to 256
     * @param causal whether later keys are hidden: smaller steps waste less at the diagonal
     * @return the tile
     */
    static Sm90Tile of(int headDim, boolean causal) {
        return switch (headDim) {
            case 64 -> new Sm90Tile(112, 3, 2);
            case 96 -> new Sm90Tile(128, 2, 2);
            case 128 -> causal ? new Sm90Tile(128, 2, 2) : new Sm90Tile(176, 2, 1);
            default -> new Sm90Tile(80, 2, 1);
        };
    }

    /**
     * Returns the shared memory of a block.
     *
     * @param headDim the compiled head size
     * @return the bytes
     */
    int sharedBytes(int headDim) {
        int row = headDim * ElementType.BYTES;
        return queryStages * (groups * GROUP_QUERIES * row + JOB_BYTES)
                + 2 * KEY_STAGES * blockN * row
                + groups * Long.BYTES
                + BARRIER_BYTES;
    }
}
