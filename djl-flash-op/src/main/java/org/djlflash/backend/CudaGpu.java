package org.djlflash.backend;

import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Stream;
import org.djlflash.AttentionLayout;
import org.djlflash.cuda.jit.KernelUnavailableException;
import org.djlflash.cuda.launch.AttentionLauncher;
import org.djlflash.cuda.launch.BackwardArguments;
import org.djlflash.cuda.launch.CudaException;
import org.djlflash.cuda.launch.CudaLibrary;
import org.djlflash.cuda.launch.CudaStream;
import org.djlflash.cuda.launch.DevicePointer;
import org.djlflash.cuda.launch.ForwardArguments;
import org.djlflash.cuda.launch.TensorView;
import org.djlflash.cuda.plan.AttentionPlan;
import org.djlflash.cuda.plan.AttentionPlanner;
import org.djlflash.cuda.plan.AttentionProblem;
import org.djlflash.cuda.plan.DeviceInfo;
import org.djlflash.cuda.plan.KernelStep;
import org.djlflash.cuda.plan.PlanCache;
import org.djlflash.cuda.plan.Workspace;
import org.djlflash.torch.ScalarType;
import org.djlflash.torch.Tensor;
import org.djlflash.torch.TorchCuda;
import org.djlflash.torch.TorchLibrary;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One GPU with our kernels on it, run on PyTorch's tensors, memory and current stream: scratch
 * memory comes from PyTorch's allocator, which gives it to nobody else before the stream has
 * passed.
 *
 * <p>Tensors have shape (B, heads, tokens, H), any strides. Safe for use by many threads.
 */
final class CudaGpu {

    private static final Map<Integer, CudaGpu> GPUS = new ConcurrentHashMap<>();

    private static final Logger logger = LoggerFactory.getLogger(CudaGpu.class);

    /** Which missing kernels were said, once each. */
    private static final Set<String> WARNED = ConcurrentHashMap.newKeySet();

    private final DeviceInfo info;
    private final PlanCache plans;
    private final AttentionLauncher launcher;

    private CudaGpu(int device) {
        info = CudaLibrary.devices().get(device);
        launcher = new AttentionLauncher(info, List.of(TorchLibrary.folder()));
        plans = new PlanCache(info, launcher::prepare);
    }

    /** Returns the GPU with one of PyTorch's numbers, which are the driver's. */
    static CudaGpu of(int device) {
        return GPUS.computeIfAbsent(device, CudaGpu::new);
    }

    /**
     * Says why a GPU's kernels cannot solve a problem; one that does not open is a reason, too, and
     * so is a kernel that is neither in the jar nor can be compiled.
     */
    static List<String> unsupportedReasons(int device, AttentionProblem problem) {
        try {
            return of(device).plans.unsupportedReasons(problem);
        } catch (CudaException e) {
            return List.of("The driver refuses GPU " + device + ": " + e.getMessage() + ".");
        } catch (KernelUnavailableException e) {
            if (WARNED.add(e.getMessage())) {
                logger.warn("Another backend is taken where one fits: {}", e.getMessage());
            }
            return List.of(e.getMessage());
        }
    }

    /** Names the kernels that a problem will launch, in their order. */
    List<String> kernels(AttentionProblem problem) {
        AttentionPlan plan = plans.plan(problem);
        return Stream.concat(plan.forward().stream(), plan.backward().stream())
                .map(KernelStep::toString)
                .toList();
    }

    /** Says why a problem does not run on the kernels that are made for this GPU. */
    List<String> portableReasons(AttentionProblem problem) {
        return AttentionPlanner.portableReasons(problem, info);
    }

    /** Views a tensor in a layout as the kernels want it: (B, heads, tokens, H). */
    static TensorView view(Tensor tensor, AttentionLayout layout) {
        long[] strides = tensor.strides();
        boolean headsFirst = layout == AttentionLayout.BNTH;
        return TensorView.of(
                tensor.address(),
                strides[0],
                strides[headsFirst ? 1 : 2],
                strides[headsFirst ? 2 : 1],
                strides[3]);
    }

    /** The address of a tensor, or none of null. */
    static DevicePointer pointer(Tensor tensor) {
        return tensor == null ? DevicePointer.NULL : new DevicePointer(tensor.address());
    }

    /** Allocates a tensor in row-major order, whose elements are not set. */
    Tensor empty(ScalarType type, long... sizes) {
        return Tensor.emptyOnGpu(type, info.ordinal(), sizes);
    }

    /** Enqueues a forward pass; the workspace of the arguments is made here. */
    void forward(AttentionProblem problem, ForwardArguments arguments) {
        AttentionPlan plan = plans.plan(problem);
        try (Tensor workspace = workspace(plan.forwardWorkspace())) {
            launcher.forward(plan, arguments.withWorkspace(pointer(workspace)), stream());
        }
    }

    /** Enqueues a backward pass; the workspace of the arguments is made here. */
    void backward(AttentionProblem problem, BackwardArguments arguments) {
        AttentionPlan plan = plans.plan(problem);
        try (Tensor workspace = workspace(plan.backwardWorkspace())) {
            launcher.backward(plan, arguments.withWorkspace(pointer(workspace)), stream());
        }
    }

    private Tensor workspace(Workspace needed) {
        return needed.bytes() == 0 ? null : empty(ScalarType.UINT8, needed.bytes());
    }

    private CudaStream stream() {
        return new CudaStream(TorchCuda.currentStream(info.ordinal()));
    }
}
