package org.djlflash.backend;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import java.util.OptionalDouble;
import org.djlflash.autograd.AttentionKernels;
import org.djlflash.backend.CudaGpu.ForwardTensors;
import org.djlflash.backend.CudaGpu.GradientTensors;
import org.djlflash.cuda.launch.Randomness;
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
final class CudaOperator implements AttentionKernels {

    private static final int SEED = 0;
    private static final int OFFSET = 1;
    private static final int DETERMINISTIC = 2;
    private static final int NUMBERS = 3;

    /** The operator has no argument for it; forward runs on the thread of the call. */
    private static final ThreadLocal<Boolean> DETERMINISTIC_CALL =
            ThreadLocal.withInitial(() -> false);

    /** Seeds are drawn from PyTorch's generator, so that DJL's random seed repeats them. */
    private final NDManager host = NDManager.newBaseManager(Device.cpu(), TorchLibrary.ENGINE);

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
        try (Handover made = new Handover()) {
            Tensor output = made.keep(Tensor.empty(in.query().type(), in.query(), sizes));
            Tensor logSumExp =
                    made.keep(
                            Tensor.empty(
                                    ScalarType.FLOAT32, in.query(), sizes[0], sizes[2], sizes[1]));
            Tensor state = made.keep(onHost(numbers));
            Tensor lengths = made.keep(copyOrNone(in.keyLengths()));
            launchForward(in, output, logSumExp, numbers);
            made.handOver();
            return new Forward(output, logSumExp, state, lengths);
        }
    }

    private static void launchForward(
            ForwardArguments in, Tensor output, Tensor logSumExp, long[] numbers) {
        try (Tensor query = headsFirst(in.query());
                Tensor key = headsFirst(in.key());
                Tensor value = headsFirst(in.value());
                Tensor outputView = view(output)) {
            // Not the question whether gradients are possible: PyTorch calls this to infer, too.
            AttentionProblem problem =
                    problem(query, key, in.keyLengths() != null, in.settings(), numbers)
                            .withLayouts(CudaGpu.layouts(query, key, value, outputView));
            CudaGpu.of(in.query().deviceIndex())
                    .forward(
                            problem,
                            new ForwardTensors(
                                    query,
                                    key,
                                    value,
                                    outputView,
                                    null,
                                    logSumExp,
                                    in.keyLengths(),
                                    Randomness.of(numbers[SEED], numbers[OFFSET])));
        }
    }

    @Override
    public Gradients backward(BackwardArguments in) {
        try (Handover made = new Handover()) {
            Gradients gradients =
                    new Gradients(
                            made.keep(likewise(in.query())),
                            made.keep(likewise(in.key())),
                            made.keep(likewise(in.value())));
            launchBackward(in, gradients);
            made.handOver();
            return gradients;
        }
    }

    private static void launchBackward(BackwardArguments in, Gradients gradients) {
        long[] numbers = in.randomState().hostPointer().getLongArray(0, NUMBERS);
        Tensor keyLengths = elements(in.extra()) == 0 ? null : in.extra();
        try (Tensor query = headsFirst(in.query());
                Tensor key = headsFirst(in.key());
                Tensor value = headsFirst(in.value());
                Tensor output = headsFirst(in.output());
                Tensor outputGradient = headsFirst(in.outputGradient());
                Tensor queryGradient = view(gradients.query());
                Tensor keyGradient = view(gradients.key());
                Tensor valueGradient = view(gradients.value())) {
            AttentionProblem problem =
                    problem(query, key, keyLengths != null, in.settings(), numbers)
                            .withGradient(GradientNeed.INPUTS)
                            .withLayouts(CudaGpu.layouts(query, key, value, output));
            CudaGpu.of(in.query().deviceIndex())
                    .backward(
                            problem,
                            new ForwardTensors(
                                    query,
                                    key,
                                    value,
                                    output,
                                    null,
                                    in.logSumExp(),
                                    keyLengths,
                                    Randomness.of(numbers[SEED], numbers[OFFSET])),
                            new GradientTensors(
                                    outputGradient, queryGradient, keyGradient, valueGradient));
        }
    }

    private static Tensor likewise(Tensor tensor) {
        return Tensor.empty(tensor.type(), tensor, tensor.sizes());
    }

    private static AttentionProblem problem(
            Tensor query, Tensor key, boolean keyLengths, Settings settings, long[] numbers) {
        long[] q = query.sizes();
        long[] k = key.sizes();
        AttentionShape shape =
                new AttentionShape(
                        Math.toIntExact(q[0]),
                        Math.toIntExact(q[1]),
                        Math.toIntExact(k[1]),
                        Math.toIntExact(q[2]),
                        Math.toIntExact(k[2]),
                        Math.toIntExact(q[3]));
        OptionalDouble scale = settings.scale();
        return AttentionProblem.of(element(query.type()), shape)
                .withScale(scale.orElse(1 / Math.sqrt(shape.headSize())))
                .withCausal(settings.causal() ? CausalAlignment.BOTTOM_RIGHT : CausalAlignment.NONE)
                .withKeyLengths(keyLengths)
                .withDropout(settings.dropout())
                .withDeterministic(numbers[DETERMINISTIC] != 0);
    }

    static ElementType element(ScalarType type) {
        return switch (type) {
            case FLOAT16 -> ElementType.FP16;
            case BFLOAT16 -> ElementType.BF16;
            default ->
                    throw new IllegalArgumentException(
                            "elements of type " + type + ", allowed are FLOAT16 and BFLOAT16");
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

    private Tensor onHost(long[] numbers) {
        try (NDArray array = host.create(numbers);
                Tensor shared = Tensor.of(array)) {
            // The array's memory is Java's; PyTorch keeps this tensor longer.
            return shared.copy(ScalarType.INT64);
        }
    }

    private static Tensor copyOrNone(Tensor tensor) {
        return tensor == null ? Tensor.emptyOnCpu() : tensor.copy(tensor.type());
    }

    private static long elements(Tensor tensor) {
        long elements = 1;
        for (long size : tensor.sizes()) {
            elements *= size;
        }
        return elements;
    }

    /** A readable (B, heads, tokens, H) view of a (B, tokens, heads, H) tensor, or a copy. */
    private static Tensor headsFirst(Tensor tensor) {
        try (Tensor view = view(tensor)) {
            return CudaGpu.readable(view, tensor.type());
        }
    }

    private static Tensor view(Tensor tensor) {
        long[] n = tensor.sizes();
        long[] s = tensor.strides();
        return tensor.view(
                new long[] {n[0], n[2], n[1], n[3]}, new long[] {s[0], s[2], s[1], s[3]}, 0);
    }
}
