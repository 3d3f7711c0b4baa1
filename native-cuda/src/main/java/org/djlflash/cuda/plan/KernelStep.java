package org.djlflash.cuda.plan;

import java.util.List;

/**
 * One launch. Immutable.
 *
 * @param variant the kernel
 * @param blocks the blocks of the grid, which has one dimension
 * @param threads the threads of a block
 * @param sharedBytes the dynamic shared memory of a block in bytes
 * @param boxes the parts in which the kernel copies each tensor that it takes as a tensor map; none
 *     for the portable kernels
 * @param overlaps whether its blocks may start while the launch before it ends; the kernel waits
 *     itself before it reads what that wrote
 */
public record KernelStep(
        KernelVariant variant,
        long blocks,
        int threads,
        int sharedBytes,
        List<TensorBox> boxes,
        boolean overlaps) {

    /**
     * Creates a launch without tensor maps that begins when the one before has ended.
     *
     * @param variant the kernel
     * @param blocks the blocks of the grid, which has one dimension
     * @param threads the threads of a block
     * @param sharedBytes the dynamic shared memory of a block in bytes
     */
    public KernelStep(KernelVariant variant, long blocks, int threads, int sharedBytes) {
        this(variant, blocks, threads, sharedBytes, List.of(), false);
    }

    @Override
    public String toString() {
        return variant + " <<<" + blocks + "," + threads + "," + sharedBytes + ">>>";
    }
}
