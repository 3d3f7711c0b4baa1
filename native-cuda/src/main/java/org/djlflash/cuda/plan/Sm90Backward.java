package org.djlflash.cuda.plan;

import java.util.List;

/**
 * The backward pass on the kernels of compute capability 9.0: their compile-time values, launch
 * sizes and scratch memory. Queries are padded to whole tiles in the scratch memory. Immutable.
 */
final class Sm90Backward {

    private static final int BLOCK_N = 128;
    private static final int CONSUMERS = 2;
    private static final int THREADS = 128 * (1 + CONSUMERS);

    /** The threads of the row-wise kernels. */
    private static final int ROW_THREADS = 256;

    /** The elements that a block of the first kernel takes. */
    private static final int ROW_ELEMENTS = 2048;

    /** The log-sum-exp and the sum of O dO. */
    private static final int STATISTICS = 2;

    /**
     * Two slots for tiles, and two stages each of K, of Q, of dO and of tiles, and V: a pair each.
     */
    private static final int SLOT_AND_BARRIER_BYTES = 2 * 16 + 2 * (4 * 2 + 1) * Long.BYTES;

    private final AttentionProblem problem;
    private final String architecture;
    private final int headDim;
    private final int blockM;
    private final long queryTiles;

    Sm90Backward(AttentionProblem problem, String architecture) {
        this.problem = problem;
        this.architecture = architecture;
        AttentionShape shape = problem.shape();
        headDim = TileTable.headDim(shape.headSize());
        // What the registers hold: two accumulators of headDim, two of blockM.
        blockM = headDim == 64 ? 128 : 64;
        queryTiles = blocks(ceilDiv(shape.queries(), blockM), shape.queryHeads());
    }

    /**
     * The launches: row statistics, gradients, the conversion of dQ; each starts under the end of
     * the one before.
     */
    List<KernelStep> steps(int multiprocessors) {
        int rowsPerBlock = ROW_ELEMENTS / Integer.highestOneBit(2 * headDim - 1);
        AttentionShape shape = problem.shape();
        long keyTiles = blocks(ceilDiv(shape.keys(), BLOCK_N), shape.keyHeads());
        return List.of(
                new KernelStep(
                        variant("backward_row_dot_sm90"),
                        ceilDiv(queryTiles * blockM, rowsPerBlock),
                        ROW_THREADS,
                        0),
                new KernelStep(
                        variant("backward_sm90"),
                        Math.min(keyTiles, multiprocessors),
                        THREADS,
                        sharedBytes(),
                        boxes(),
                        true),
                new KernelStep(
                        variant("backward_convert_dq_sm90"),
                        queryTiles,
                        ROW_THREADS,
                        0,
                        List.of(),
                        true));
    }

    /** Row statistics, sums of dQ, turns if the order of sums is fixed, the counter. */
    Workspace workspace() {
        long rows = Math.multiplyExact(queryTiles, blockM);
        return Workspace.of(
                Math.multiplyExact(rows, (long) STATISTICS * Float.BYTES),
                Math.multiplyExact(rows, (long) headDim * Float.BYTES),
                problem.deterministic() ? Math.multiplyExact(queryTiles, Integer.BYTES) : 0,
                Integer.BYTES);
    }

    private KernelVariant variant(String entry) {
        return new KernelVariant(
                entry,
                List.of(
                        "HEAD_DIM=" + headDim,
                        "ELEMENT=" + problem.element().define(),
                        "BLOCK_M=" + blockM),
                architecture);
    }

    /** Two K, one V; two Q and dO; two dS; dQ in fp32; two times the statistics. */
    private int sharedBytes() {
        int keys = 3 * BLOCK_N * headDim * ElementType.HALF_BYTES;
        int queries = 4 * blockM * headDim * ElementType.HALF_BYTES;
        int scores = 2 * BLOCK_N * blockM * ElementType.HALF_BYTES;
        int sums = blockM * headDim * Float.BYTES;
        int statistics = 2 * STATISTICS * blockM * Float.BYTES;
        return keys + queries + scores + sums + statistics + SLOT_AND_BARRIER_BYTES;
    }

    /** Of query, gradient of the output, key, value. */
    private List<TensorBox> boxes() {
        TensorBox queries = new TensorBox(blockM, panelColumns(headDim));
        // Each of the two consumers takes half of the rows of dQ, or of its columns: whole panels.
        boolean byRows = blockM == 64 * CONSUMERS;
        int columns = byRows ? headDim : headDim / CONSUMERS;
        return List.of(
                queries,
                queries,
                new TensorBox(BLOCK_N, panelColumns(columns)),
                new TensorBox(BLOCK_N, panelColumns(headDim)));
    }

    private static int panelColumns(int columns) {
        return Math.min(64, Integer.lowestOneBit(columns));
    }

    private long blocks(long tiles, int heads) {
        long all = Math.multiplyExact(tiles, (long) heads);
        return Math.multiplyExact(all, (long) problem.shape().batch());
    }

    private static long ceilDiv(long size, long part) {
        return (size + part - 1) / part;
    }
}
