package org.djlflash.cuda.jit;

import org.djlflash.cuda.plan.KernelVariant;

/**
 * Turns machine code into a kernel that can be launched.
 *
 * @param <K> the loaded kernel
 */
public interface CubinOpener<K> {

    /**
     * Loads a cubin.
     *
     * @param variant the kernel
     * @param cubin its machine code
     * @return the loaded kernel
     * @throws CubinRefusedException if this GPU or driver cannot run the code; any other failure is
     *     no reason to try other code
     */
    K open(KernelVariant variant, byte[] cubin) throws CubinRefusedException;
}
