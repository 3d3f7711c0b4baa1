package org.djlflash.cuda.launch;

import java.nio.file.Path;
import java.util.List;
import org.djlflash.cuda.plan.DeviceInfo;
import org.djlflash.cuda.plan.ElementType;

/**
 * Runs the kernels of a decode step beside attention on one GPU: enqueued on the caller's stream,
 * nothing waits for them. Thread-safe. Keep one instance a GPU: it holds the loaded kernels.
 */
public final class StepLauncher {

    private final DeviceInfo device;
    private final ElementType element;
    private final KernelLauncher kernels;

    /**
     * Opens a GPU.
     *
     * @param device one of {@link CudaLibrary#devices()}
     * @param element the type of vectors and weights
     * @param libraryFolders folders to look for NVRTC in first, such as libtorch's
     * @throws IllegalStateException if CUDA is not available
     * @throws CudaException if the driver refuses the GPU
     */
    public StepLauncher(DeviceInfo device, ElementType element, List<Path> libraryFolders) {
        this.device = device;
        this.element = element;
        kernels = new KernelLauncher(device, libraryFolders);
    }

    /**
     * Loads a kernel, compiling it if need be, so that launching only launches. Needed before a
     * graph is captured.
     *
     * @param call the call
     * @throws org.djlflash.cuda.jit.KernelUnavailableException if the kernel cannot be had
     */
    public void prepare(StepCall call) {
        kernels.prepare(call.kernel(element, device));
    }

    /**
     * Enqueues a kernel.
     *
     * @param call the call
     * @param stream where to enqueue
     * @throws org.djlflash.cuda.jit.KernelUnavailableException if the kernel cannot be had
     * @throws CudaException if the driver refuses
     */
    public void launch(StepCall call, CudaStream stream) {
        kernels.launch(call.kernel(element, device), a -> a.struct().step(call), stream, call);
    }
}
