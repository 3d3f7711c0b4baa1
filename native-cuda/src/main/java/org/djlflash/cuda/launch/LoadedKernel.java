package org.djlflash.cuda.launch;

import java.util.Set;
import jcuda.driver.CUfunction_attribute;
import jcuda.driver.CUresult;
import org.djlflash.cuda.jit.CubinRefusedException;
import org.djlflash.cuda.plan.KernelVariant;

/** A kernel in the driver; stays loaded for the life of the process. Thread-safe. */
final class LoadedKernel {

    /** What a block may use without opting in. */
    private static final int DEFAULT_SHARED_BYTES = 48 * 1024;

    /** The answers that mean "not for this driver or GPU", as opposed to "not now". */
    private static final Set<Integer> REFUSALS =
            Set.of(
                    CUresult.CUDA_ERROR_INVALID_IMAGE,
                    CUresult.CUDA_ERROR_NO_BINARY_FOR_GPU,
                    CUresult.CUDA_ERROR_INVALID_PTX,
                    CUresult.CUDA_ERROR_UNSUPPORTED_PTX_VERSION,
                    CUresult.CUDA_ERROR_INVALID_SOURCE);

    private final long function;
    private volatile int sharedBytes = DEFAULT_SHARED_BYTES;

    private LoadedKernel(long function) {
        this.function = function;
    }

    /**
     * Loads a cubin into the current context.
     *
     * @param variant the kernel
     * @param cubin its machine code
     * @return the kernel
     * @throws CubinRefusedException if the driver cannot run the code
     * @throws CudaException if loading fails for another reason
     */
    static LoadedKernel open(KernelVariant variant, byte[] cubin) throws CubinRefusedException {
        long[] module = new long[1];
        try {
            CudaCall.check("cuModuleLoadData", Driver.cuModuleLoadData(module, cubin), variant);
        } catch (CudaException e) {
            if (REFUSALS.contains(e.code())) {
                throw new CubinRefusedException(e.getMessage(), e);
            }
            throw e;
        }
        long[] function = new long[1];
        CudaCall.check(
                "cuModuleGetFunction",
                Driver.cuModuleGetFunction(function, module[0], variant.functionName()),
                variant);
        return new LoadedKernel(function[0]);
    }

    /** The driver's handle. */
    long function() {
        return function;
    }

    /**
     * Opts in to as much shared memory as a launch needs.
     *
     * @param bytes the dynamic shared memory of a block
     * @param context what is being done
     */
    void allowShared(int bytes, Object context) {
        if (bytes > sharedBytes) {
            raiseShared(bytes, context);
        }
    }

    /** One thread at a time: the smaller of two wishes must not be the driver's last. */
    private synchronized void raiseShared(int bytes, Object context) {
        if (bytes > sharedBytes) {
            CudaCall.check(
                    "cuFuncSetAttribute",
                    Driver.cuFuncSetAttribute(
                            function,
                            CUfunction_attribute.CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES,
                            bytes),
                    context);
            sharedBytes = bytes;
        }
    }
}
