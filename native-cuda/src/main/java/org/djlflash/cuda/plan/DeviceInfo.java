package org.djlflash.cuda.plan;

/**
 * What planning needs to know of a GPU. Immutable.
 *
 * @param ordinal the driver's number of the device
 * @param name the driver's name of the device
 * @param major the compute capability before the dot
 * @param minor the compute capability after the dot
 * @param multiprocessors the number of streaming multiprocessors
 * @param sharedMemoryPerBlock the largest shared memory of a block after opting in, in bytes
 */
public record DeviceInfo(
        int ordinal,
        String name,
        int major,
        int minor,
        int multiprocessors,
        int sharedMemoryPerBlock) {

    /**
     * Returns the architecture that compilers generate code for.
     *
     * @return such as {@code sm_90}
     */
    public String architecture() {
        return "sm_" + major + minor;
    }

    @Override
    public String toString() {
        return "GPU %d: %s, capability %d.%d, %d multiprocessors, %d bytes of shared memory a block"
                .formatted(ordinal, name, major, minor, multiprocessors, sharedMemoryPerBlock);
    }
}
