package org.djlflash.cuda.launch;

import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Function;
import jcuda.Pointer;
import jcuda.driver.CUstream;
import jcuda.driver.JCudaDriver;
import org.djlflash.cuda.jit.CubinStore;
import org.djlflash.cuda.jit.KernelLoader;
import org.djlflash.cuda.jit.KernelSource;
import org.djlflash.cuda.jit.NvrtcCompiler;
import org.djlflash.cuda.jit.PrebuiltCubins;
import org.djlflash.cuda.plan.DeviceInfo;
import org.djlflash.cuda.plan.KernelStep;

/**
 * Launches kernels on one GPU: on the stream that the caller names, without waiting, without
 * allocating GPU memory. The first launch of a kernel loads it, which a captured graph does not
 * allow: {@link #prepare} does it ahead. Thread-safe.
 */
final class KernelLauncher {

    private final PrimaryContext context;
    private final KernelLoader<LoadedKernel> loader;
    private final MethodHandle newStream = streamConstructor();

    /** Parameters are copied during the launch, so that a thread can reuse its buffer. */
    private final ThreadLocal<ParamsWriter> writers = ThreadLocal.withInitial(ParamsWriter::new);

    /**
     * Opens a GPU.
     *
     * @param device the GPU
     * @param libraryFolders folders to look for NVRTC in first
     * @throws IllegalStateException if CUDA is not available
     */
    KernelLauncher(DeviceInfo device, List<Path> libraryFolders) {
        CudaLibrary.ensureAvailable();
        context = new PrimaryContext(device);
        loader =
                new KernelLoader<>(
                        new KernelSource(),
                        new PrebuiltCubins(),
                        CubinStore.open(CubinStore.defaultFolder()),
                        () -> NvrtcCompiler.open(libraryFolders),
                        LoadedKernel::open);
    }

    /**
     * Loads a kernel.
     *
     * @param step the launch it is needed for
     */
    void prepare(KernelStep step) {
        context.run(() -> load(step, step));
    }

    /**
     * Launches a kernel.
     *
     * @param step the kernel and the sizes
     * @param params writes the struct that is the kernel's only argument
     * @param stream where to launch
     * @param plan what the launch is part of, for messages
     * @throws CudaException if the driver refuses
     */
    void launch(
            KernelStep step,
            Function<ParamsWriter, ByteBuffer> params,
            CudaStream stream,
            Object plan) {
        context.run(
                () -> {
                    LoadedKernel kernel = load(step, plan);
                    ByteBuffer struct = params.apply(writers.get());
                    CudaCall.check(
                            "cuLaunchKernel",
                            JCudaDriver.cuLaunchKernel(
                                    kernel.function(),
                                    Math.toIntExact(step.blocks()),
                                    1,
                                    1,
                                    step.threads(),
                                    1,
                                    1,
                                    step.sharedBytes(),
                                    stream(stream),
                                    Pointer.to(Pointer.to(struct)),
                                    null),
                            plan);
                });
    }

    private LoadedKernel load(KernelStep step, Object plan) {
        LoadedKernel kernel = loader.load(step.variant());
        kernel.allowShared(step.sharedBytes(), plan);
        return kernel;
    }

    private CUstream stream(CudaStream stream) {
        try {
            return (CUstream) newStream.invokeExact(stream.handle());
        } catch (Throwable e) {
            throw new IllegalStateException("JCuda's stream could not be made.", e);
        }
    }

    /** JCuda offers no public way from a handle to its stream object. */
    private static MethodHandle streamConstructor() {
        try {
            return MethodHandles.privateLookupIn(CUstream.class, MethodHandles.lookup())
                    .findConstructor(CUstream.class, MethodType.methodType(void.class, long.class));
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException("This version of JCuda is not known.", e);
        }
    }
}
