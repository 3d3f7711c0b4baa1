package org.djlflash.cuda.launch;

import com.sun.jna.Native;
import com.sun.jna.Pointer;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Function;
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

    /** The driver copies arguments during the launch, so that a thread can reuse their memory. */
    private final ThreadLocal<Arguments> arguments = ThreadLocal.withInitial(Arguments::new);

    /** The struct that is a kernel's only argument, and the array that the driver finds it by. */
    private static final class Arguments {

        private final ParamsWriter writer = new ParamsWriter();
        private final ByteBuffer array =
                ByteBuffer.allocateDirect(Long.BYTES).order(ByteOrder.nativeOrder());
        private final long address = addressOf(array);

        Arguments() {
            array.putLong(0, addressOf(writer.buffer()));
        }

        /** Returns the address of the array. */
        long write(Function<ParamsWriter, ByteBuffer> struct) {
            struct.apply(writer);
            return address;
        }

        private static long addressOf(ByteBuffer buffer) {
            return Pointer.nativeValue(Native.getDirectBufferPointer(buffer));
        }
    }

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
                                    arguments.get().write(params),
                                    0),
                            plan);
                });
    }

    private LoadedKernel load(KernelStep step, Object plan) {
        LoadedKernel kernel = loader.load(step.variant());
        kernel.allowShared(step.sharedBytes(), plan);
        return kernel;
    }
}
