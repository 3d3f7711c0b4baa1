package org.djlflash.backend;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import java.util.OptionalDouble;
import org.djlflash.AttentionLayout;
import org.djlflash.autograd.AttentionKernels;
import org.djlflash.cuda.launch.CacheRows;
import org.djlflash.cuda.launch.DevicePointer;
import org.djlflash.cuda.launch.Randomness;
import org.djlflash.cuda.launch.TensorView;
import org.djlflash.cuda.plan.AttentionProblem;
import org.djlflash.cuda.plan.AttentionShape;
import org.djlflash.cuda.plan.CausalAlignment;
import org.djlflash.cuda.plan.ElementType;
import org.djlflash.cuda.plan.GradientNeed;
import org.djlflash.torch.ScalarType;
import org.djlflash.torch.Tensor;
import org.djlflash.torch.TorchLibrary;

/**
 * Our CUDA kernels as PyTorch calls them, forward and backward.
 *
 * <p>PyTorch hands back to backward what forward returned: seed and offset of the dropout and
 * whether equal bits are demanded travel as three numbers on the CPU, the key lengths as the extra
 * tensor.
 */
public final class CudaOperator implements AttentionKernels {

    private static final int SEED = 0;
    private static final int OFFSET = 1;
    private static final int DETERMINISTIC = 2;
    private static final int NUMBERS = 3;

    /** The operator has no argument for it; forward runs on the thread of the call. */
    private static final ThreadLocal<Boolean> DETERMINISTIC_CALL =
            ThreadLocal.withInitial(() -> false);

    /** Seeds are drawn from PyTorch's generator, so that DJL's random seed repeats them. */
    private final NDManager host = NDManager.newBaseManager(Device.cpu(), TorchLibrary.ENGINE);

    /** Made on first use, as it holds a manager of DJL's. */
    private static final class Holder {

        static final CudaOperator KERNELS = new CudaOperator();

        private Holder() {}
    }

    private CudaOperator() {}

    /**
     * Returns the kernels, for the GPU of whatever tensors they are given. Nothing is registered by
     * asking for them.
     *
     * @return the one instance
     */
    public static CudaOperator instance() {
        return Holder.KERNELS;
    }

    /** Says of this thread's next calls whether equal bits are demanded. */
    static void setDeterministic(boolean deterministic) {
        DETERMINISTIC_CALL.set(deterministic);
    }

    @Override
    public Forward forward(ForwardArguments in) {
        refuseWindow(in.settings());
        long[] numbers = {0, 0, DETERMINISTIC_CALL.get() ? 1 : 0};
        if (in.settings().dropout() > 0) {
            numbers[SEED] = draw();
        }
        long[] sizes = in.query().sizes();
        CudaGpu gpu = CudaGpu.of(in.query().deviceIndex());
        try (Handover made = new Handover()) {
            Tensor output = made.keep(gpu.empty(in.query().type(), sizes));
            Tensor logSumExp =
                    made.keep(gpu.empty(ScalarType.FLOAT32, sizes[0], sizes[2], sizes[1]));
            Tensor state = made.keep(state(numbers));
            Tensor lengths = made.keep(copyOrNone(in.keyLengths()));
            launchForward(gpu, in, output, logSumExp, numbers);
            made.handOver();
            return new Forward(output, logSumExp, state, lengths);
        }
    }

    private static void launchForward(
            CudaGpu gpu, ForwardArguments in, Tensor output, Tensor logSumExp, long[] numbers) {
        TensorView outputView = CudaGpu.view(output, AttentionLayout.BTNH);
        try (Operand query = Operand.tokensFirst(in.query());
                Operand key = Operand.tokensFirst(in.key());
                Operand value = Operand.tokensFirst(in.value())) {
            Operands operands = new Operands(query, key, value);
            // Not the question whether gradients are possible: PyTorch calls this to infer, too.
            gpu.forward(
                    problem(in.query(), in.key(), in.keyLengths(), in.settings(), numbers)
                            .withLayouts(operands.layouts(outputView)),
                    operands.arguments(
                            outputView,
                            TensorView.NONE,
                            logSumExp,
                            in.keyLengths(),
                            CacheRows.NONE,
                            randomness(numbers)));
        }
    }

    @Override
    public Gradients backward(BackwardArguments in) {
        CudaGpu gpu = CudaGpu.of(in.query().deviceIndex());
        ScalarType type = in.query().type();
        try (Handover made = new Handover()) {
            Gradients gradients =
                    new Gradients(
                            made.keep(gpu.empty(type, in.query().sizes())),
                            made.keep(gpu.empty(type, in.key().sizes())),
                            made.keep(gpu.empty(type, in.value().sizes())));
            launchBackward(gpu, in, gradients);
            made.handOver();
            return gradients;
        }
    }

    private static void launchBackward(CudaGpu gpu, BackwardArguments in, Gradients gradients) {
        long[] numbers = numbers(in.randomState());
        Tensor keyLengths = in.extra().sizes()[0] == 0 ? null : in.extra();
        try (Operand query = Operand.tokensFirst(in.query());
                Operand key = Operand.tokensFirst(in.key());
                Operand value = Operand.tokensFirst(in.value());
                Operand output = Operand.tokensFirst(in.output());
                Operand outputGradient = Operand.tokensFirstUnrepeated(in.outputGradient())) {
            Operands operands = new Operands(query, key, value);
            gpu.backward(
                    problem(in.query(), in.key(), keyLengths, in.settings(), numbers)
                            .withGradient(GradientNeed.INPUTS)
                            .withLayouts(operands.layouts(output.view())),
                    new org.djlflash.cuda.launch.BackwardArguments(
                            operands.arguments(
                                    output.view(),
                                    TensorView.NONE,
                                    in.logSumExp(),
                                    keyLengths,
                                    CacheRows.NONE,
                                    randomness(numbers)),
                            outputGradient.view(),
                            CudaGpu.view(gradients.query(), AttentionLayout.BTNH),
                            CudaGpu.view(gradients.key(), AttentionLayout.BTNH),
                            CudaGpu.view(gradients.value(), AttentionLayout.BTNH),
                            DevicePointer.NULL));
        }
    }

    /** Most calls have nothing to tell. */
    private static Tensor state(long[] numbers) {
        for (long number : numbers) {
            if (number != 0) {
                return Tensor.onCpu(numbers);
            }
        }
        return Tensor.emptyOnCpu();
    }

    private static long[] numbers(Tensor state) {
        return state.sizes()[0] == 0
                ? new long[NUMBERS]
                : state.hostPointer().getLongArray(0, NUMBERS);
    }

    private static Randomness randomness(long[] numbers) {
        return Randomness.of(numbers[SEED], numbers[OFFSET]);
    }

    private static AttentionProblem problem(
            Tensor query, Tensor key, Tensor keyLengths, Settings settings, long[] numbers) {
        long[] q = query.sizes();
        long[] k = key.sizes();
        AttentionShape shape =
                new AttentionShape(
                        Math.toIntExact(q[0]),
                        Math.toIntExact(q[2]),
                        Math.toIntExact(k[2]),
                        Math.toIntExact(q[1]),
                        Math.toIntExact(k[1]),
                        Math.toIntExact(q[3]));
        OptionalDouble scale = settings.scale();
        return AttentionProblem.of(element(query.type()), shape)
                .withScale(scale.orElse(1 / Math.sqrt(shape.headSize())))
                .withCausal(settings.causal() ? CausalAlignment.BOTTOM_RIGHT : CausalAlignment.NONE)
                .withKeyLengths(keyLengths != null)
                .withDropout(settings.dropout())
                .withDeterministic(numbers[DETERMINISTIC] != 0);
    }

    static ElementType element(ScalarType type) {
        return switch (type) {
            case FLOAT16 -> ElementType.FP16;
            case BFLOAT16 -> ElementType.BF16;
            case FLOAT32 -> ElementType.FP32;
            default ->
                    throw new IllegalArgumentException(
                            "elements of type "
                                    + type
                                    + ", allowed are FLOAT16, BFLOAT16 and FLOAT32");
        };
    }

    private static void refuseWindow(Settings settings) {
        if (settings.windowLeft().orElse(-1) >= 0 || settings.windowRight().orElse(-1) >= 0) {
            throw new UnsupportedOperationException("sliding windows are not supported");
        }
    }

    private long draw() {
        try (NDArray number = host.randomInteger(0, Long.MAX_VALUE, new Shape(1), DataType.INT64)) {
            return number.getLong();
        }
    }

    private static Tensor copyOrNone(Tensor tensor) {
        return tensor == null ? Tensor.emptyOnCpu() : tensor.copy(tensor.type());
    }
}
