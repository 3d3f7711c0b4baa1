package org.djlflash.cuda.jit;

import org.djlflash.cuda.plan.KernelVariant;

/** Compiles device code. Implementations are thread-safe. */
public interface CubinCompiler {

    /**
     * Names the compiler and its version; part of the key of what it makes.
     *
     * @return such as {@code nvrtc 13.0}
     */
    String identity();

    /**
     * Compiles one kernel.
     *
     * @param source the whole source, includes resolved
     * @param variant the compile-time values and the architecture
     * @return the cubin
     * @throws KernelUnavailableException if compiling fails; the message holds the compiler's log
     */
    byte[] compile(String source, KernelVariant variant);
}
