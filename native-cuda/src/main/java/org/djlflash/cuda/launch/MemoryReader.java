package org.djlflash.cuda.launch;

import java.nio.file.Path;
import java.util.List;
import org.djlflash.cuda.plan.DeviceInfo;
import org.djlflash.cuda.plan.KernelStep;
import org.djlflash.cuda.plan.ReadPlanner;

/**
 * Reads memory of one GPU and nothing more: the bound that kernels are measured against. Enqueues
 * on the caller's stream and waits for nothing. Thread-safe.
 */
public final class MemoryReader {

    private static final int ALIGNMENT = 16;

    private final KernelLauncher kernels;
    private final KernelStep step;

    /**
     * Opens a GPU.
     *
     * @param device one of {@link CudaLibrary#devices()}
     * @param libraryFolders folders to look for NVRTC in first, such as libtorch's
     * @throws IllegalStateException if CUDA is not available
     * @throws CudaException if the driver refuses the GPU
     */
    public MemoryReader(DeviceInfo device, List<Path> libraryFolders) {
        kernels = new KernelLauncher(device, libraryFolders);
        step = ReadPlanner.read(device);
    }

    /**
     * Enqueues a read of memory.
     *
     * @param data the memory, at a multiple of 16 bytes
     * @param bytes its size, a multiple of 16
     * @param result 4 bytes of GPU memory that may be written
     * @param stream where to enqueue
     * @throws IllegalArgumentException if address or size are no multiples of 16
     * @throws org.djlflash.cuda.jit.KernelUnavailableException if the kernel cannot be had
     * @throws CudaException if the driver refuses
     */
    public void read(DevicePointer data, long bytes, DevicePointer result, CudaStream stream) {
        if (data.address() % ALIGNMENT != 0 || bytes % ALIGNMENT != 0) {
            throw new IllegalArgumentException(
                    "%d bytes at %s, allowed are multiples of %d"
                            .formatted(bytes, data, ALIGNMENT));
        }
        kernels.launch(step, a -> a.struct().read(data, bytes, result), stream, step);
    }
}
