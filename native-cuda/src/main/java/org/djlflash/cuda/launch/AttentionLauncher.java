package org.djlflash.cuda.launch;

import java.nio.file.Path;
import java.util.Iterator;
import java.util.List;
import org.djlflash.cuda.plan.AttentionPlan;
import org.djlflash.cuda.plan.AttentionProblem;
import org.djlflash.cuda.plan.AttentionShape;
import org.djlflash.cuda.plan.DeviceInfo;
import org.djlflash.cuda.plan.KernelStep;
import org.djlflash.cuda.plan.Sm80Planner;
import org.djlflash.cuda.plan.TensorBox;

/**
 * Runs plans on one GPU. Kernels are enqueued on the caller's stream and nothing waits for them;
 * all memory, scratch memory included, is the caller's. Thread-safe. Keep one instance a GPU: it
 * holds the loaded kernels.
 */
public final class AttentionLauncher {

    /** The part of the workspace by which blocks claim tiles in the backward pass. */
    private static final int TILE_COUNTER = 3;

    private final DeviceInfo device;
    private final KernelLauncher kernels;
    private final TensorMaps maps = new TensorMaps();

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
            KernelStep step = steps.get(0);
            if (plan.forwardWorkspace().bytes() > 0) {
                kernels.clear(arguments.workspace(), stream, plan);
            }
            kernels.launch(step, a -> writeForward(a, step, plan, arguments), stream, plan);
            return;
        }
        if (!steps.get(0).boxes().isEmpty()) {
            kernels.launch(steps.get(0), a -> writeDecode(a, plan, arguments), stream, plan);
            return;
        }
        kernels.launch(steps.get(0), a -> a.struct().decodeSplit(plan, arguments), stream, plan);
        if (plan.splits() > 1) {
            kernels.launch(
                    steps.get(1), a -> a.struct().decodeCombine(plan, arguments), stream, plan);
        }
    }

    private void writeDecode(
            KernelArguments target, AttentionPlan plan, ForwardArguments arguments) {
        AttentionProblem problem = plan.problem();
        Iterator<TensorBox> boxes = plan.forward().get(0).boxes().iterator();
        target.struct().decode(plan, arguments);
        target.map(maps.get(keys(problem, arguments.key(), boxes.next())));
        target.map(maps.get(keys(problem, arguments.value(), boxes.next())));
    }

    private void writeForward(
            KernelArguments target,
            KernelStep step,
            AttentionPlan plan,
            ForwardArguments arguments) {
        target.struct().forward(plan, arguments);
        if (!step.boxes().isEmpty()) {
            AttentionProblem problem = plan.problem();
            Iterator<TensorBox> boxes = step.boxes().iterator();
            target.map(maps.get(queries(problem, arguments.query(), boxes.next())));
            target.map(maps.get(keys(problem, arguments.key(), boxes.next())));
            target.map(maps.get(keys(problem, arguments.value(), boxes.next())));
            target.map(maps.get(queries(problem, arguments.output(), boxes.next())));
            boolean claims = plan.forwardWorkspace().bytes() > 0;
            target.counter(claims ? arguments.workspace() : DevicePointer.NULL);
        }
    }

    private static TensorMaps.Key queries(
            AttentionProblem problem, TensorView view, TensorBox box) {
        AttentionShape shape = problem.shape();
        return new TensorMaps.Key(
                view,
                shape.batch(),
                shape.queryHeads(),
                shape.queries(),
                shape.headSize(),
                problem.element(),
                box);
    }

    private static TensorMaps.Key keys(AttentionProblem problem, TensorView view, TensorBox box) {
        long[] sizes = problem.keySizes();
        return new TensorMaps.Key(
                view,
                (int) sizes[0],
                (int) sizes[1],
                (int) sizes[2],
                problem.shape().headSize(),
                problem.element(),
                box);
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
        KernelStep gradients = steps.get(1);
        if (!gradients.boxes().isEmpty()) {
            kernels.clear(tileCounter(plan, arguments), stream, plan);
        }
        kernels.launch(steps.get(0), a -> a.struct().rowDot(plan, arguments), stream, plan);
        kernels.launch(gradients, a -> writeBackward(a, gradients, plan, arguments), stream, plan);
        kernels.launch(steps.get(2), a -> a.struct().convertDq(plan, arguments), stream, plan);
    }

    private void writeBackward(
            KernelArguments target,
            KernelStep step,
            AttentionPlan plan,
            BackwardArguments arguments) {
        target.struct().backward(plan, arguments);
        if (!step.boxes().isEmpty()) {
            AttentionProblem problem = plan.problem();
            ForwardArguments inputs = arguments.forward();
            Iterator<TensorBox> boxes = step.boxes().iterator();
            target.map(maps.get(queries(problem, inputs.query(), boxes.next())));
            target.map(maps.get(queries(problem, arguments.outputGradient(), boxes.next())));
            target.map(maps.get(keys(problem, inputs.key(), boxes.next())));
            target.map(maps.get(keys(problem, inputs.value(), boxes.next())));
            target.counter(tileCounter(plan, arguments));
        }
    }

    private static DevicePointer tileCounter(AttentionPlan plan, BackwardArguments arguments) {
        return arguments.workspace().plus(plan.backwardWorkspace().offsets().get(TILE_COUNTER));
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
                a -> a.struct().dropoutMask(plan.problem(), randomness, mask),
                stream,
                plan);
    }
}
