package org.djlflash.cuda.launch;

/**
 * The driver's functions on the way of a launch, bound by JNA's direct mapping when {@link
 * CudaLibrary} finds the driver: a call costs a fraction of what it does through JCuda. Handles and
 * addresses are plain numbers.
 */
final class Driver {

    private Driver() {}

    static native int cuModuleLoadData(long[] module, byte[] image);

    static native int cuModuleGetFunction(long[] function, long module, String name);

    static native int cuFuncSetAttribute(long function, int attribute, int value);

    static native int cuLaunchKernel(
            long function,
            int gridX,
            int gridY,
            int gridZ,
            int blockX,
            int blockY,
            int blockZ,
            int sharedBytes,
            long stream,
            long parameters,
            long extra);
}
