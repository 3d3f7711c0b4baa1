package org.djlflash.cuda.launch;

import java.nio.file.Path;
import java.util.List;
import org.djlflash.cuda.plan.DeviceInfo;
import org.djlflash.cuda.plan.ElementType;
import org.djlflash.cuda.plan.KernelStep;
import org.djlflash.cuda.plan.UpdatePlanner;

/**
 * Updates a model's parameters on one GPU. Kernels are enqueued on the caller's stream and nothing
 * waits for them; all memory is the caller's. Thread-safe. Keep one instance a GPU: it holds the
 * loaded kernels.
 *
 * <p>Tensors are float32 and contiguous, cut into chunks of at most {@link UpdatePlanner#CHUNK}
 * elements, and described in GPU memory by five 64-bit numbers a chunk: the addresses of weights,
 * gradients, means of gradients and means of their squares, and the number of elements.
 */
public final class UpdateLauncher {

    private final DeviceInfo device;
    private final KernelLauncher kernels;

    /**
     * Opens a GPU.
     *
     * @param device one of {@link CudaLibrary#devices()}
     * @param libraryFolders folders to look for NVRTC in first, such as libtorch's
     * @throws IllegalStateException if CUDA is not available
     * @throws CudaException if the driver refuses the GPU
     */
    public UpdateLauncher(DeviceInfo device, List<Path> libraryFolders) {
        this.device = device;
        this.kernels = new KernelLauncher(device, libraryFolders);
    }

    /**
     * Enqueues copies of float32 to 16 bits.
     *
     * @param twins three 64-bit numbers a chunk: the addresses of float32 and of 16 bits, and the
     *     number of elements
     * @param count the number of chunks
     * @param element the type of 16 bits
     * @param stream where to enqueue
     * @throws org.djlflash.cuda.jit.KernelUnavailableException if the kernel cannot be had
     * @throws CudaException if the driver refuses
     */
    public void lower(DevicePointer twins, int count, ElementType element, CudaStream stream) {
        KernelStep step = UpdatePlanner.lower(count, element, device);
        kernels.launch(step, a -> a.struct().twins(twins), stream, step);
    }

    /**
     * Enqueues the adding of 16-bit gradients to float32 ones; the former become zero.
     *
     * @param twins as {@link #lower} takes them
     * @param count the number of chunks
     * @param element the type of 16 bits
     * @param stream where to enqueue
     * @throws org.djlflash.cuda.jit.KernelUnavailableException if the kernel cannot be had
     * @throws CudaException if the driver refuses
     */
    public void collect(DevicePointer twins, int count, ElementType element, CudaStream stream) {
        KernelStep step = UpdatePlanner.collect(count, element, device);
        kernels.launch(step, a -> a.struct().twins(twins), stream, step);
    }

    /**
     * Enqueues the computation of what gradients are multiplied by, so that the norm of all of them
     * is at most a limit.
     *
     * @param chunks the chunks, of which gradients and numbers are read
     * @param count the number of chunks
     * @param sums scratch memory of as many floats
     * @param scale what gradients are multiplied by in any case
     * @param limit the limit, perhaps infinity
     * @param factor one float, written; NaN if a gradient is not finite
     * @param stream where to enqueue
     * @throws org.djlflash.cuda.jit.KernelUnavailableException if a kernel cannot be had
     * @throws CudaException if the driver refuses
     */
    public void clipFactor(
            DevicePointer chunks,
            int count,
            DevicePointer sums,
            float scale,
            float limit,
            DevicePointer factor,
            CudaStream stream) {
        KernelStep squares = UpdatePlanner.gradientSquares(count, device);
        kernels.launch(squares, a -> a.struct().gradientSquares(chunks, sums), stream, squares);
        KernelStep clip = UpdatePlanner.clipFactor(device);
        kernels.launch(
                clip, a -> a.struct().clipFactor(sums, count, scale, limit, factor), stream, clip);
    }

    /**
     * Enqueues a step of AdamW; the gradients become zero.
     *
     * @param chunks the chunks
     * @param count the number of chunks
     * @param arguments the numbers
     * @param stream where to enqueue
     * @throws org.djlflash.cuda.jit.KernelUnavailableException if the kernel cannot be had
     * @throws CudaException if the driver refuses
     */
    public void adamW(
            DevicePointer chunks, int count, AdamWArguments arguments, CudaStream stream) {
        KernelStep step = UpdatePlanner.adamW(count, device);
        kernels.launch(step, a -> a.struct().adamW(chunks, arguments), stream, step);
    }
}
