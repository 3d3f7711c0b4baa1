package org.djlflash.cuda.plan;

/**
 * How the forward kernel of compute capability 9.0 cuts its problem, the sizes that measured best.
 * Immutable.
 *
 * @param blockN the keys of a step
 * @param groups the warp groups that compute, 64 queries each
 * @param queryStages the buffers for queries: with two the next job is loaded under the present one
 * @param keyStages the buffers for keys, and as many for values
 */
record Sm90Tile(int blockN, int groups, int queryStages, int keyStages) {

    /** The queries of a warp group, one box of them a copy. */
    static final int GROUP_QUERIES = 64;

    /** What a buffer for queries needs for each of them and beside: log-sum-exp, the job. */
    private static final int QUERY_BYTES = Float.BYTES;

    private static final int JOB_BYTES = 32;

    /**
     * Returns the tile of a problem.
     *
     * @param headDim the compiled head size, 64 to 256
     * @return the tile
     */
    static Sm90Tile of(int headDim) {
        return switch (headDim) {
            case 64 -> new Sm90Tile(128, 3, 2, 4);
            case 96, 128 -> new Sm90Tile(128, 2, 2, 2);
            default -> new Sm90Tile(64, 2, 1, 2);
        };
    }

    /**
     * Returns the queries of a job.
     *
     * @return those of all warp groups
     */
    int queries() {
        return groups * GROUP_QUERIES;
    }

    /**
     * Returns the shared memory of a block.
     *
     * @param headDim the compiled head size
     * @return the bytes
     */
    int sharedBytes(int headDim) {
        int row = headDim * ElementType.HALF_BYTES;
        int barriers = 2 * queryStages + groups + 4 * keyStages + 1;
        return queryStages * (queries() * (row + QUERY_BYTES) + JOB_BYTES)
                + 2 * keyStages * blockN * row
                + barriers * Long.BYTES;
    }
}
