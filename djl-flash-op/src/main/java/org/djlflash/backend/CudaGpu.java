package org.djlflash.backend;

import ai.djl.Device;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Stream;
import org.djlflash.cuda.launch.AttentionLauncher;
import org.djlflash.cuda.launch.BackwardArguments;
import org.djlflash.cuda.launch.CudaLibrary;
import org.djlflash.cuda.launch.CudaStream;
import org.djlflash.cuda.launch.DevicePointer;
import org.djlflash.cuda.launch.ForwardArguments;
import org.djlflash.cuda.launch.Randomness;
import org.djlflash.cuda.launch.TensorView;
import org.djlflash.cuda.plan.AttentionPlan;
import org.djlflash.cuda.plan.AttentionProblem;
import org.djlflash.cuda.plan.DeviceInfo;
import org.djlflash.cuda.plan.KernelStep;
import org.djlflash.cuda.plan.Sm80Planner;
import org.djlflash.torch.ScalarType;
import org.djlflash.torch.Tensor;
import org.djlflash.torch.TorchCuda;
import org.djlflash.torch.TorchLibrary;

/**
 * One GPU with our kernels on it, run on PyTorch's tensors, memory and current stream: scratch
 * memory comes from PyTorch's allocator, which gives it to nobody else before the stream has
 * passed.
 *
 * <p>Tensors have shape (B, heads, tokens, H), any strides. Safe for use by many threads.
 */
final class CudaGpu {

    private static final Map<Integer, CudaGpu> GPUS = new ConcurrentHashMap<>();

    private final DeviceInfo info;
    private final AttentionLauncher launcher;

    private CudaGpu(int device) {
        info = CudaLibrary.devices().get(device);
        launcher = new AttentionLauncher(info, List.of(TorchLibrary.folder()));
    }

    /** Returns the GPU with one of PyTorch's numbers, which are the driver's. */
    static CudaGpu of(int device) {
        return GPUS.computeIfAbsent(device, CudaGpu::new);
    }

    /** Says why our kernels cannot run on a device at all; empty if they can. */
    static List<String> unavailableReasons(Device device) {
        if (!device.isGpu()) {
            return List.of("The arrays are on the CPU; these kernels run on CUDA devices.");
        }
        if (CudaLibrary.unavailabilityCause().isPresent()) {
            return List.of(CudaLibrary.unavailabilityCause().get());
        }
        if (!TorchCuda.isAvailable()) {
            return List.of("The loaded libtorch is one for the CPU; one for CUDA is needed.");
        }
        int count = CudaLibrary.devices().size();
        if (device.getDeviceId() >= count) {
            return List.of(
                    "There is no GPU "
                            + device.getDeviceId()
                            + "; the driver shows "
                            + count
                            + ".");
        }
        return List.of();
    }

    List<String> unsupportedReasons(AttentionProblem problem) {
        return Sm80Planner.unsupportedReasons(problem, info);
    }

    /** Names the kernels that a problem will launch, in their order. */
    List<String> kernels(AttentionProblem problem) {
        AttentionPlan plan = Sm80Planner.plan(problem, info);
        return Stream.concat(plan.forward().stream(), plan.backward().stream())
                .map(KernelStep::toString)
                .toList();
    }

    /**
     * Returns a tensor of the given type whose rows the kernels can read: the same one if it is so
     * already, else a copy. The caller closes what it gets.
     */
    static Tensor readable(Tensor tensor, ScalarType type) {
        long[] sizes = tensor.sizes();
        if (tensor.type() == type
                && view(tensor).layout().hasAlignedRows(sizes[0], sizes[1], sizes[2])) {
            return tensor.view(sizes, tensor.strides(), 0);
        }
        return tensor.copy(type);
    }

    static AttentionProblem.Layouts layouts(Tensor query, Tensor key, Tensor value, Tensor output) {
        return new AttentionProblem.Layouts(
                view(query).layout(),
                view(key).layout(),
                view(value).layout(),
                view(output).layout());
    }

    /** What a forward pass reads and writes; null for what there is not. */
    record ForwardTensors(
            Tensor query,
            Tensor key,
            Tensor value,
            Tensor output,
            Tensor bias,
            Tensor logSumExp,
            Tensor keyLengths,
            Randomness randomness) {}

    void forward(AttentionProblem problem, ForwardTensors tensors) {
        AttentionPlan plan = Sm80Planner.plan(problem, info);
        try (Tensor workspace = workspace(plan.forwardWorkspace().bytes(), tensors.query())) {
            launcher.forward(plan, arguments(tensors, workspace), stream());
        }
    }

    /** The gradients that a backward pass reads and writes. */
    record GradientTensors(Tensor output, Tensor query, Tensor key, Tensor value) {}

    void backward(AttentionProblem problem, ForwardTensors tensors, GradientTensors gradients) {
        AttentionPlan plan = Sm80Planner.plan(problem, info);
        try (Tensor workspace = workspace(plan.backwardWorkspace().bytes(), tensors.query())) {
            launcher.backward(
                    plan,
                    new BackwardArguments(
                            arguments(tensors, null),
                            view(gradients.output()),
                            view(gradients.query()),
                            view(gradients.key()),
                            view(gradients.value()),
                            pointer(workspace)),
                    stream());
        }
    }

    private static ForwardArguments arguments(ForwardTensors tensors, Tensor workspace) {
        return new ForwardArguments(
                view(tensors.query()),
                view(tensors.key()),
                view(tensors.value()),
                view(tensors.output()),
                tensors.bias() == null ? TensorView.NONE : view(tensors.bias()),
                pointer(tensors.logSumExp()),
                pointer(tensors.keyLengths()),
                tensors.randomness(),
                pointer(workspace));
    }

    private static Tensor workspace(long bytes, Tensor like) {
        return Tensor.empty(ScalarType.UINT8, like, bytes);
    }

    private CudaStream stream() {
        return new CudaStream(TorchCuda.currentStream(info.ordinal()));
    }

    private static DevicePointer pointer(Tensor tensor) {
        return tensor == null ? DevicePointer.NULL : new DevicePointer(tensor.address());
    }

    private static TensorView view(Tensor tensor) {
        long[] strides = tensor.strides();
        return TensorView.of(tensor.address(), strides[0], strides[1], strides[2], strides[3]);
    }
}
