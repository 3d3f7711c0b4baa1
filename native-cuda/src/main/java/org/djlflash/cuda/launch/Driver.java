package org.djlflash.cuda.launch;

/**
 * The driver's functions on the way of a launch and of its timing, bound by JNA's direct mapping
 * when {@link CudaLibrary} finds the driver: a call costs a fraction of what it does through JCuda.
 * Handles and addresses are plain numbers.
 */
final class Driver {

    private Driver() {}

    static native int cuModuleLoadData(long[] module, byte[] image);

    static native int cuModuleGetFunction(long[] function, long module, String name);

    static native int cuFuncSetAttribute(long function, int attribute, int value);

    static native int cuMemsetD32Async(long address, int value, long count, long stream);

    static native int cuTensorMapEncodeTiled(
            long map,
            int dataType,
            int rank,
            long address,
            long[] sizes,
            long[] strideBytes,
            int[] box,
            int[] elementStrides,
            int interleave,
            int swizzle,
            int l2Promotion,
            int outOfBoundsFill);

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

    static native int cuLaunchKernelEx(long config, long function, long parameters, long extra);

    static native int cuStreamCreate(long[] stream, int flags);

    static native int cuStreamSynchronize(long stream);

    static native int cuStreamDestroy_v2(long stream);

    static native int cuEventCreate(long[] event, int flags);

    static native int cuEventRecord(long event, long stream);

    static native int cuEventQuery(long event);

    static native int cuEventSynchronize(long event);

    static native int cuEventElapsedTime(float[] milliseconds, long start, long end);

    static native int cuEventDestroy_v2(long event);

    static native int cuStreamBeginCapture_v2(long stream, int mode);

    static native int cuStreamEndCapture(long stream, long[] graph);

    static native int cuGraphInstantiateWithFlags(long[] executable, long graph, long flags);

    static native int cuGraphLaunch(long executable, long stream);

    static native int cuGraphDestroy(long graph);

    static native int cuGraphExecDestroy(long executable);
}
