package org.djlflash.cuda.plan;

/**
 * One launch. Immutable.
 *
 * @param variant the kernel
 * @param blocks the blocks of the grid, which has one dimension
 * @param threads the threads of a block
 * @param sharedBytes the dynamic shared memory of a block in bytes
 */
public record KernelStep(KernelVariant variant, long blocks, int threads, int sharedBytes) {

    @Override
    public String toString() {
        return variant + " <<<" + blocks + "," + threads + "," + sharedBytes + ">>>";
    }
}
