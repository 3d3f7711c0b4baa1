package org.djlflash.cuda.plan;

import java.util.List;

/**
 * How the decode kernel of compute capability 9.0 divides its problem. A pure function of problem
 * and GPU. Immutable.
 *
 * <p>The rows that share a key head, {@link #packed} at a time, are a group. All keys of all groups
 * are cut into equal ranges, one a cluster of blocks, so that every multiprocessor has the same to
 * read whatever the rows' lengths are, which only the GPU knows; with a fixed number of splits each
 * group is cut into as many.
 *
 * @param headDim the head size
 * @param packed the query rows that a block computes together
 * @param slots the tiles of 64 keys or values that its ring holds
 * @param cluster the blocks that share a range
 * @param ranges the clusters
 * @param splits the ranges of a group, 0 if ranges are cut from all groups in a row
 */
public record Sm90Decode(int headDim, int packed, int slots, int cluster, long ranges, int splits) {

    /** The warps that compute; one more copies. */
    static final int WARPS = 4;

    /** The keys of a tile. */
    static final int KEYS = 64;

    /** Two such blocks fit a multiprocessor: the next launch's start under the present one's. */
    private static final int SHARED_OF_TWO = 113 * 1024;

    private static final int SHARED_OF_ONE = 227 * 1024;

    /** More on its way does not make memory faster. */
    private static final int LARGEST_RING = 160 * 1024;

    /** From this share of multiprocessors with a group each, blocks need not share one. */
    private static final double BUSY = 0.9;

    /**
     * Divides a problem.
     *
     * @param problem a decode step that the kernel takes
     * @param device the GPU
     * @return its division
     */
    public static Sm90Decode of(AttentionProblem problem, DeviceInfo device) {
        AttentionShape shape = problem.shape();
        int headDim = shape.headSize();
        long rows = (long) shape.queries() * (shape.queryHeads() / shape.keyHeads());
        int packed = packed(headDim, rows);
        long groups =
                Math.multiplyExact(
                        (rows + packed - 1) / packed, (long) shape.keyHeads() * shape.batch());
        int splits = problem.splits();
        boolean alone = splits == 0 ? groups >= BUSY * device.multiprocessors() : splits % 2 == 1;
        int cluster = alone ? 1 : 2;
        long ranges =
                splits == 0
                        ? device.multiprocessors() / cluster
                        : Math.multiplyExact(groups, splits / cluster);
        return new Sm90Decode(
                headDim,
                packed,
                slots(headDim, packed, cluster),
                cluster,
                ranges,
                splits / cluster);
    }

    /**
     * Tells whether the tiles of all groups can be counted in 32 bits, as on the GPU.
     *
     * @param problem a decode step
     * @return whether they can
     */
    static boolean isCountable(AttentionProblem problem) {
        AttentionShape shape = problem.shape();
        double rows =
                Math.ceil((double) shape.queries() * shape.queryHeads() / shape.keyHeads() / 8);
        double tiles = Math.ceil((double) shape.keys() / KEYS);
        return rows * shape.keyHeads() * shape.batch() * Math.max(tiles, problem.splits())
                <= Integer.MAX_VALUE;
    }

    /** As few as hold the rows, at most what the registers hold. */
    private static int packed(int headDim, long rows) {
        int largest =
                switch (headDim) {
                    case 64 -> 32;
                    case 96, 128 -> 16;
                    default -> 8;
                };
        return rows <= 8 ? 8 : rows <= 16 ? Math.min(16, largest) : largest;
    }

    private static int slots(int headDim, int packed, int cluster) {
        int slot = tileBytes(headDim) + 2 * Long.BYTES;
        int rest = otherBytes(headDim, packed, cluster);
        // The registers of two blocks hold no larger operands.
        boolean two = packed == 8 && headDim <= 128;
        int slots = ((two ? SHARED_OF_TWO : SHARED_OF_ONE) - rest) / slot;
        return Math.min(slots, LARGEST_RING / tileBytes(headDim));
    }

    private static int tileBytes(int headDim) {
        return KEYS * headDim * ElementType.HALF_BYTES;
    }

    /** Sums and states of the warps, those of the cluster twice, two barriers and a flag. */
    private static int otherBytes(int headDim, int packed, int cluster) {
        int states = packed * 2 * Float.BYTES;
        int warps = WARPS * (packed * (headDim + 4) * Float.BYTES + states);
        int inbox = cluster > 1 ? 2 * (packed * headDim * Float.BYTES + states) : 0;
        return warps + inbox + 3 * Long.BYTES;
    }

    /**
     * Returns the shared memory of a block.
     *
     * @return the bytes
     */
    int sharedBytes() {
        return slots * (tileBytes(headDim) + 2 * Long.BYTES) + otherBytes(headDim, packed, cluster);
    }

    /**
     * Returns the scratch memory: partial sums and states of two groups a range, tickets.
     *
     * @return its parts
     */
    Workspace workspace() {
        long rows = Math.multiplyExact(ranges, 2L * packed);
        return Workspace.of(
                Math.multiplyExact(rows, (long) headDim * Float.BYTES),
                Math.multiplyExact(rows, 2L * Float.BYTES),
                Math.multiplyExact(ranges, (long) cluster * Long.BYTES));
    }

    /**
     * Returns the part of keys and values that one copy moves: whole rows, of a page at most.
     *
     * @param cache how they lie
     * @return the box
     */
    TensorBox box(CacheLayout cache) {
        int columns = headDim % 64 == 0 ? 64 : 32;
        int rows = cache.isPaged() ? Math.min(KEYS, cache.pageKeys()) : KEYS;
        return new TensorBox(rows, columns, Math.min(headDim, 128) / columns);
    }

    List<String> defines(ElementType element) {
        return List.of(
                "HEAD_DIM=" + headDim,
                "ELEMENT=" + element.define(),
                "ROWS=" + packed,
                "STAGES=" + slots,
                "CLUSTER=" + cluster);
    }
}
