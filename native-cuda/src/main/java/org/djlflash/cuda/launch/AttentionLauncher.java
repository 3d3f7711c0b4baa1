package org.djlflash.cuda.launch;

import java.nio.file.Path;
import java.util.List;
import org.djlflash.cuda.plan.AttentionPlan;
import org.djlflash.cuda.plan.DeviceInfo;
import org.djlflash.cuda.plan.KernelStep;
import org.djlflash.cuda.plan.Sm80Planner;

/**
 * Runs plans on one GPU. Kernels are enqueued on the caller's stream and nothing waits for them;
 * all memory, scratch memory included, is the caller's. Thread-safe. Keep one instance a GPU: it
 * holds the loaded kernels.
 */
public final class AttentionLauncher {

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
    public AttentionLauncher(DeviceInfo device, List<Path> libraryFolders) {
        this.device = device;
        this.kernels = new KernelLauncher(device, libraryFolders);
    }

    /**
     * Loads the kernels of a plan, compiling them if need be, so that running it only launches.
     * Needed before a graph is captured.
     *
     * @param plan the plan
     * @throws org.djlflash.cuda.jit.KernelUnavailableException if a kernel cannot be had
     */
    public void prepare(AttentionPlan plan) {
        plan.forward().forEach(kernels::prepare);
        plan.backward().forEach(kernels::prepare);
    }

    /**
     * Enqueues the forward pass, or the decode step when the problem is one.
     *
     * @param plan a plan for this GPU
     * @param arguments the memory
     * @param stream where to enqueue
     * @throws IllegalArgumentException if memory is missing or not aligned
     * @throws org.djlflash.cuda.jit.KernelUnavailableException if a kernel cannot be had
     * @throws CudaException if the driver refuses
     */
    public void forward(AttentionPlan plan, ForwardArguments arguments, CudaStream stream) {
        new ArgumentCheck(plan).forward(arguments);
        List<KernelStep> steps = plan.forward();
        if (!plan.problem().decode()) {
            kernels.launch(steps.get(0), p -> p.forward(plan, arguments), stream, plan);
            return;
        }
        kernels.launch(steps.get(0), p -> p.decodeSplit(plan, arguments), stream, plan);
        if (plan.splits() > 1) {
            kernels.launch(steps.get(1), p -> p.decodeCombine(plan, arguments), stream, plan);
        }
    }

    /**
     * Enqueues the backward pass.
     *
     * @param plan a plan for this GPU with gradients
     * @param arguments the memory
     * @param stream where to enqueue
     * @throws IllegalArgumentException if memory is missing or not aligned
     * @throws org.djlflash.cuda.jit.KernelUnavailableException if a kernel cannot be had
     * @throws CudaException if the driver refuses
     */
    public void backward(AttentionPlan plan, BackwardArguments arguments, CudaStream stream) {
        new ArgumentCheck(plan).backward(arguments);
        List<KernelStep> steps = plan.backward();
        kernels.launch(steps.get(0), p -> p.rowDot(plan, arguments), stream, plan);
        kernels.launch(steps.get(1), p -> p.backward(plan, arguments), stream, plan);
        kernels.launch(steps.get(2), p -> p.convertDq(plan, arguments), stream, plan);
    }

    /**
     * Enqueues the kernel that writes which attention weights dropout keeps.
     *
     * @param plan a plan with dropout
     * @param randomness as given to the forward pass
     * @param mask [B, query heads, T, F] bytes, written: 1 kept, 0 dropped
     * @param stream where to enqueue
     * @throws org.djlflash.cuda.jit.KernelUnavailableException if the kernel cannot be had
     * @throws CudaException if the driver refuses
     */
    public void dropoutMask(
            AttentionPlan plan, Randomness randomness, DevicePointer mask, CudaStream stream) {
        kernels.launch(
                Sm80Planner.dropoutMask(plan.problem(), device),
                p -> p.dropoutMask(plan.problem(), randomness, mask),
                stream,
                plan);
    }
}
