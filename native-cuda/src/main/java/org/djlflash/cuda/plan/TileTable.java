package org.djlflash.cuda.plan;

/**
 * The tiles that measured best. A pure table: padded head size, kind of kernel, and whether a block
 * may use {@value #LARGE_SHARED_MEMORY} bytes of shared memory. Stateless.
 */
final class TileTable {

    /** What separates the data-centre GPUs (163 KiB and more) from the others (99 KiB). */
    static final int LARGE_SHARED_MEMORY = 160 * 1024;

    private static final int[] HEAD_DIMS = {16, 32, 64, 96, 128, 256};
    private static final int[] DECODE_ROWS = {8, 16, 32};

    private TileTable() {}

    /**
     * Returns the compiled head size that holds a head.
     *
     * @param headSize the elements of a head, at most 256
     * @return the smallest compiled size that is not smaller
     */
    static int headDim(int headSize) {
        for (int headDim : HEAD_DIMS) {
            if (headSize <= headDim) {
                return headDim;
            }
        }
        throw new IllegalArgumentException("No kernel holds a head of " + headSize + " elements.");
    }

    /**
     * Returns the tile of the forward kernel.
     *
     * @param headDim the compiled head size
     * @param sharedMemory the bytes of shared memory that a block may use
     * @param extraWork whether scores get a bias or dropout, which takes registers
     * @return the tile
     */
    static Tile forward(int headDim, int sharedMemory, boolean extraWork) {
        boolean large = sharedMemory >= LARGE_SHARED_MEMORY;
        return switch (headDim) {
            case 16, 32, 64 -> new Tile(128, extraWork ? 64 : 128, 4, 1);
            case 96 -> new Tile(128, 64, 4, 1);
            case 128 -> new Tile(128, large ? 64 : 32, 4, 1);
            default -> large ? new Tile(128, 64, 8, 1) : new Tile(64, 64, 4, 1);
        };
    }

    /**
     * Returns the tile of the backward kernel.
     *
     * @param headDim the compiled head size, at most 128
     * @param sharedMemory the bytes of shared memory that a block may use
     * @return the tile
     */
    static Tile backward(int headDim, int sharedMemory) {
        boolean large = sharedMemory >= LARGE_SHARED_MEMORY;
        if (headDim <= 64) {
            return new Tile(large ? 128 : 64, 128, 8, 2);
        }
        return large ? new Tile(64, 128, 8, 2) : new Tile(32, 64, 4, 2);
    }

    /**
     * Returns the tile of the split kernel: its queries are rows that share one key head.
     *
     * @param headDim the compiled head size
     * @param sharedMemory the bytes of shared memory that a block may use
     * @param rows T x query heads / key heads
     * @return the tile; a warp takes 16 keys at a time
     */
    static Tile decode(int headDim, int sharedMemory, long rows) {
        boolean large = sharedMemory >= LARGE_SHARED_MEMORY;
        int largest = headDim == 256 ? 16 : 32;
        int warps = headDim == 256 && !large ? 2 : 4;
        int stages = headDim == 256 ? 2 : 3;
        for (int candidate : DECODE_ROWS) {
            if (rows <= candidate || candidate == largest) {
                return new Tile(candidate, 16 * warps, warps, stages);
            }
        }
        throw new IllegalStateException("The largest number of rows ends the search.");
    }
}
