package org.djlflash.cuda.plan;

import java.util.List;

/** The launch that only reads memory. Stateless and thread-safe. */
public final class ReadPlanner {

    private static final int THREADS = 512;
    private static final int BLOCKS_PER_MULTIPROCESSOR = 4;

    private ReadPlanner() {}

    /**
     * Plans a read, of as many blocks as the GPU holds at a time.
     *
     * @param device the GPU
     * @return the launch
     */
    public static KernelStep read(DeviceInfo device) {
        return new KernelStep(
                new KernelVariant("measure", "read", List.of(), device.architecture()),
                (long) BLOCKS_PER_MULTIPROCESSOR * device.multiprocessors(),
                THREADS,
                0);
    }
}
