package org.djlflash.cuda.plan;

/**
 * The tiles that measured best among those that spill no registers. A pure table: padded head size,
 * kind of kernel, generation and shared memory of the GPU. Stateless.
 */
final class TileTable {

    /** The generation that copies fast enough for larger tiles. */
    private static final int HOPPER = 9;

    /** What separates the data-centre GPUs (163 KiB and more) from the others (99 KiB). */
    private static final int LARGE_SHARED_MEMORY = 160 * 1024;

    private static final int[] HEAD_DIMS = {16, 32, 64, 96, 128, 256};

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
     * @param device the GPU
     * @param extraWork whether scores get a bias or dropout, which takes registers
     * @return the tile
     */
    static Tile forward(int headDim, DeviceInfo device, boolean extraWork) {
        boolean small = isSmall(device);
        if (extraWork) {
            return switch (headDim) {
                case 16, 32, 64 -> new Tile(128, 64, 4, 1);
                case 96, 128 -> new Tile(64, 64, 4, 1);
                default -> small ? new Tile(64, 64, 4, 1) : new Tile(128, 64, 8, 1);
            };
        }
        return switch (headDim) {
            case 16, 32 -> new Tile(128, 128, 4, 1);
            case 64 -> new Tile(128, 64, 4, 2);
            case 96 -> new Tile(128, 64, 4, 1);
            case 128 ->
                    device.major() >= HOPPER
                            ? new Tile(128, 64, 4, 2)
                            : new Tile(128, small ? 32 : 64, 4, 1);
            default -> small ? new Tile(64, 64, 4, 1) : new Tile(128, 64, 8, 1);
        };
    }

    /**
     * Returns the compiled head size of the backward kernels that holds a head. Two warps share a
     * tile of keys there, which takes heads of 32 at least.
     *
     * @param headSize the elements of a head, at most 128
     * @return the smallest compiled size that is not smaller
     */
    static int backwardHeadDim(int headSize) {
        return Math.max(32, headDim(headSize));
    }

    /**
     * Returns the tile of the backward kernel.
     *
     * @param headDim the compiled head size, 32 to 128
     * @param device the GPU
     * @param extraWork whether scores have a bias or dropout
     * @return the tile
     */
    static Tile backward(int headDim, DeviceInfo device, boolean extraWork) {
        boolean small = isSmall(device);
        return switch (headDim) {
            case 32, 64 -> new Tile(small || extraWork ? 64 : 128, 128, 8, 2);
            case 96 -> small ? new Tile(32, 64, 4, 2) : new Tile(64, 128, 8, 2);
            default -> small ? new Tile(32, 64, 4, 2) : new Tile(extraWork ? 32 : 64, 128, 8, 2);
        };
    }

    /**
     * Returns the tile of the split kernel: its queries are rows that share one key head.
     *
     * @param headDim the compiled head size
     * @param device the GPU
     * @param rows T x query heads / key heads
     * @return the tile; a warp takes 16 keys at a time
     */
    static Tile decode(int headDim, DeviceInfo device, long rows) {
        int largest = headDim >= 256 ? 8 : headDim >= 128 ? 16 : 32;
        int blockM = rows <= 8 ? 8 : rows <= 16 ? Math.min(16, largest) : largest;
        int warps = headDim == 256 && isSmall(device) ? 2 : 4;
        return new Tile(blockM, 16 * warps, warps, 2);
    }

    private static boolean isSmall(DeviceInfo device) {
        return device.sharedMemoryPerBlock() < LARGE_SHARED_MEMORY;
    }
}
