package org.djlflash.cuda.launch;

import java.nio.file.Path;
import java.util.List;
import java.util.function.Consumer;
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

    private final ThreadLocal<KernelArguments> arguments =
            ThreadLocal.withInitial(KernelArguments::new);
    private final ThreadLocal<LaunchConfig> configs = ThreadLocal.withInitial(LaunchConfig::new);

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
     * @param write writes the arguments
     * @param stream where to launch
     * @param plan what the launch is part of, for messages
     * @throws CudaException if the driver refuses
     */
    void launch(KernelStep step, Consumer<KernelArguments> write, CudaStream stream, Object plan) {
        context.run(
                () -> {
                    LoadedKernel kernel = load(step, plan);
                    KernelArguments given = arguments.get();
                    write.accept(given);
                    if (step.overlaps()) {
                        launchOverlapping(step, kernel, given, stream, plan);
                    } else {
                        launchAfter(step, kernel, given, stream, plan);
                    }
                });
    }

    private static void launchAfter(
            KernelStep step,
            LoadedKernel kernel,
            KernelArguments given,
            CudaStream stream,
            Object plan) {
        CudaCall.check(
                "cuLaunchKernel",
                Driver.cuLaunchKernel(
                        kernel.function(),
                        Math.toIntExact(step.blocks()),
                        1,
                        1,
                        step.threads(),
                        1,
                        1,
                        step.sharedBytes(),
                        stream.handle(),
                        given.address(),
                        0),
                plan);
    }

    private void launchOverlapping(
            KernelStep step,
            LoadedKernel kernel,
            KernelArguments given,
            CudaStream stream,
            Object plan) {
        CudaCall.check(
                "cuLaunchKernelEx",
                Driver.cuLaunchKernelEx(
                        configs.get().of(step, stream), kernel.function(), given.address(), 0),
                plan);
    }

    /**
     * Sets a counter to zero.
     *
     * @param counter 4 bytes of GPU memory
     * @param stream where to enqueue
     * @param plan what it is part of, for messages
     * @throws CudaException if the driver refuses
     */
    void clear(DevicePointer counter, CudaStream stream, Object plan) {
        context.run(
                () ->
                        CudaCall.check(
                                "cuMemsetD32Async",
                                Driver.cuMemsetD32Async(counter.address(), 0, 1, stream.handle()),
                                plan));
    }

    private LoadedKernel load(KernelStep step, Object plan) {
        LoadedKernel kernel = loader.load(step.variant());
        kernel.allowShared(step.sharedBytes(), plan);
        return kernel;
    }
}
