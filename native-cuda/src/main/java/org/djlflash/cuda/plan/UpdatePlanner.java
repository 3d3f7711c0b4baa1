package org.djlflash.cuda.plan;

import java.util.List;

/** The launches that update a model's parameters. Stateless and thread-safe. */
public final class UpdatePlanner {

    /** The most elements of a chunk of a tensor; a block takes a chunk. */
    public static final int CHUNK = 1 << 15;

    private static final int THREADS = 256;

    private UpdatePlanner() {}

    /**
     * Plans the sums of squares of gradients.
     *
     * @param chunks the number of chunks
     * @param device the GPU
     * @return the launch
     */
    public static KernelStep gradientSquares(int chunks, DeviceInfo device) {
        return step("gradient_squares", chunks, device);
    }

    /**
     * Plans the factor of gradients from the sums.
     *
     * @param device the GPU
     * @return the launch
     */
    public static KernelStep clipFactor(DeviceInfo device) {
        return step("clip_factor", 1, device);
    }

    /**
     * Plans copies of float32 to 16 bits.
     *
     * @param chunks the number of chunks
     * @param element the type of 16 bits
     * @param device the GPU
     * @return the launch
     */
    public static KernelStep lower(int chunks, ElementType element, DeviceInfo device) {
        return step("lower", chunks, device, "ELEMENT=" + element.define());
    }

    /**
     * Plans the adding of gradients of 16 bits to float32 ones.
     *
     * @param chunks the number of chunks
     * @param element the type of 16 bits
     * @param device the GPU
     * @return the launch
     */
    public static KernelStep collect(int chunks, ElementType element, DeviceInfo device) {
        return step("collect", chunks, device, "ELEMENT=" + element.define());
    }

    /**
     * Plans a step of AdamW.
     *
     * @param chunks the number of chunks
     * @param device the GPU
     * @return the launch
     */
    public static KernelStep adamW(int chunks, DeviceInfo device) {
        return step("adamw", chunks, device);
    }

    private static KernelStep step(String entry, int blocks, DeviceInfo device, String... defines) {
        return new KernelStep(
                new KernelVariant("train", entry, List.of(defines), device.architecture()),
                blocks,
                THREADS,
                0);
    }
}
