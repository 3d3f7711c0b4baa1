package org.djlflash.cuda.plan;

/**
 * The tiles of FLOAT32, whose elements take twice the shared memory and registers of the 16-bit
 * types. A pure table: padded head size and shared memory of the GPU. Stateless.
 */
final class Fp32TileTable {

    /** What Hopper has for a block: 227 KiB. */
    private static final int HOPPER_MEMORY = 227 * 1024;

    /** What the data-centre GPUs before it have: 163 KiB; the others have 99. */
    private static final int AMPERE_MEMORY = 163 * 1024;

    private Fp32TileTable() {}

    /**
     * Returns the tile of the forward kernel.
     *
     * @param headDim the compiled head size, at most 128
     * @param device the GPU
     * @param extraWork whether scores get a bias or dropout, which takes registers
     * @return the tile
     */
    static Tile forward(int headDim, DeviceInfo device, boolean extraWork) {
        int memory = device.sharedMemoryPerBlock();
        return switch (headDim) {
            case 16, 32 -> new Tile(128, 64, 4, 2);
            case 64 -> new Tile(128, extraWork ? 32 : 64, 4, 2);
            case 96 -> new Tile(128, 32, 4, 2);
            default ->
                    memory >= HOPPER_MEMORY
                            ? new Tile(256, 32, 8, 2)
                            : new Tile(memory >= AMPERE_MEMORY ? 128 : 64, 32, 4, 2);
        };
    }

    /**
     * Returns the tile of the backward kernel. Heads above 64 need the memory of a data-centre GPU.
     *
     * @param headDim the compiled head size, 32 to 128
     * @param device the GPU
     * @param extraWork whether scores get a bias or dropout, which takes registers
     * @return the tile
     */
    static Tile backward(int headDim, DeviceInfo device, boolean extraWork) {
        int memory = device.sharedMemoryPerBlock();
        boolean hopper = memory >= HOPPER_MEMORY;
        return switch (headDim) {
            case 32 -> new Tile(64, 64, 4, 2);
            case 64 ->
                    memory >= AMPERE_MEMORY
                            ? new Tile(hopper && !extraWork ? 64 : 32, 128, 8, 2)
                            : new Tile(32, 64, 4, 2);
            case 96 -> new Tile(32, 64, 4, 2);
            default -> hopper ? new Tile(32, 128, 8, 2) : new Tile(32, 64, 4, 2);
        };
    }
}
