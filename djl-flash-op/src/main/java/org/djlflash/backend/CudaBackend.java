package org.djlflash.backend;

import ai.djl.engine.EngineException;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalLong;
import org.djlflash.AttentionLayout;
import org.djlflash.AttentionRequest;
import org.djlflash.Backend;
import org.djlflash.CausalAlignment;
import org.djlflash.autograd.AttentionKernels.Settings;
import org.djlflash.autograd.AttentionOperator;
import org.djlflash.autograd.AttentionRegistration;
import org.djlflash.cuda.jit.KernelUnavailableException;
import org.djlflash.cuda.launch.CacheRows;
import org.djlflash.cuda.launch.CudaException;
import org.djlflash.cuda.launch.DevicePointer;
import org.djlflash.cuda.launch.Randomness;
import org.djlflash.cuda.launch.TensorView;
import org.djlflash.cuda.plan.AttentionProblem;
import org.djlflash.cuda.plan.AttentionShape;
import org.djlflash.cuda.plan.CacheLayout;
import org.djlflash.cuda.plan.GradientNeed;
import org.djlflash.kv.KvCache;
import org.djlflash.torch.ScalarType;
import org.djlflash.torch.Tensor;
import org.djlflash.torch.TorchOps;

/**
 * Our own CUDA kernels: with gradients through PyTorch's dispatcher, without by a direct launch,
 * for few queries split over the keys.
 *
 * @see <a href="https://arxiv.org/abs/2307.08691">Dao, FlashAttention-2, section 3</a>
 * @see <a href="https://crfm.stanford.edu/2023/10/12/flashdecoding.html">Dao et al.,
 *     Flash-Decoding</a>
 */
final class CudaBackend implements AttentionBackend {

    static final String DISPATCH_KEY = "CUDA";

    /** Up to so many queries there is too little work without splitting the keys. */
    private static final long DECODE_QUERIES = 16;

    @Override
    public Backend id() {
        return Backend.CUDA;
    }

    @Override
    public List<String> unsupportedReasons(AttentionRequest request) {
        List<String> reasons = new ArrayList<>(CudaAvailability.reasonsAgainst(request.device()));
        boolean available = reasons.isEmpty();
        DataType type = request.computeType();
        boolean multiplied =
                type == DataType.FLOAT16 || type == DataType.BFLOAT16 || type == DataType.FLOAT32;
        if (!multiplied) {
            reasons.add(
                    "The compute type is "
                            + type
                            + "; tensor cores multiply float16, bfloat16 and float32, which a"
                            + " compute type can ask for.");
        }
        if (isRecorded(request)) {
            addOperatorReasons(request, reasons);
        }
        boolean countable = isCountable(request, reasons);
        if (available && multiplied && countable) {
            reasons.addAll(
                    CudaGpu.unsupportedReasons(
                            request.device().getDeviceId(), problem(request, isDecode(request))));
        }
        return reasons;
    }

    @Override
    public List<String> kernels(AttentionRequest request) {
        return CudaGpu.of(request.device().getDeviceId())
                .kernels(problem(request, isDecode(request)));
    }

    @Override
    public List<String> remarks(AttentionRequest request) {
        return CudaGpu.of(request.device().getDeviceId())
                .portableReasons(problem(request, isDecode(request)));
    }

    private static void addOperatorReasons(AttentionRequest request, List<String> reasons) {
        if (request.bias() || request.mask()) {
            reasons.add(
                    "There is a dense mask or bias and gradients or dropout are asked for; PyTorch hands"
                            + " neither on to these kernels' backward pass.");
        }
        boolean square = request.queries() == request.keys();
        if (request.causal() == CausalAlignment.ROW_LENGTH
                || request.causal() == CausalAlignment.TOP_LEFT && !square) {
            reasons.add(
                    "The causal alignment is "
                            + request.causal()
                            + " and gradients or dropout are asked for; PyTorch hands on BOTTOM_RIGHT"
                            + " alone.");
        }
    }

    /** Sizes are counted in 32 bits, elements in 64. */
    private static boolean isCountable(AttentionRequest request, List<String> reasons) {
        long largest =
                Math.max(
                        Math.max(request.batch(), request.queryHeads()),
                        Math.max(Math.max(request.queries(), request.keys()), request.headSize()));
        if (largest > Integer.MAX_VALUE) {
            reasons.add("A dimension has " + largest + " elements; 2147483647 are possible.");
            return false;
        }
        long tokens =
                Math.max(
                        request.queryHeads() * request.queries(),
                        request.keyHeads() * request.keys());
        boolean countable = tokens <= Long.MAX_VALUE / Math.max(1, request.headSize());
        if (!countable) {
            reasons.add(
                    "A batch row has "
                            + tokens
                            + " heads times tokens of size "
                            + request.headSize()
                            + "; their elements exceed 64 bits.");
        }
        return countable;
    }

    @Override
    public NDArray attend(AttentionInputs inputs) {
        return isRecorded(inputs.request()) ? recorded(inputs) : direct(inputs);
    }

    /** Dropout draws its seed where forward and backward share it. */
    private static boolean isRecorded(AttentionRequest request) {
        return request.gradient() || request.dropout() > 0;
    }

    private static NDArray recorded(AttentionInputs inputs) {
        AttentionRequest request = inputs.request();
        NDManager manager = inputs.query().getManager();
        Settings settings =
                new Settings(
                        request.dropout(),
                        request.causal() != CausalAlignment.NONE,
                        OptionalDouble.of(request.scale()),
                        OptionalLong.empty(),
                        OptionalLong.empty());
        // PyTorch's own flash attention runs on these kernels from then on.
        AttentionRegistration.install(DISPATCH_KEY, CudaOperator.instance());
        CudaOperator.setDeterministic(request.deterministic());
        boolean convert = request.dataType() != request.computeType();
        ScalarType other = convert ? ScalarType.of(request.computeType()) : null;
        boolean swap = inputs.layout() == AttentionLayout.BNTH;
        try (NDArray query = operatorArray(inputs.query(), swap, other);
                NDArray key = operatorArray(inputs.key(), swap, other);
                NDArray value = operatorArray(inputs.value(), swap, other);
                NDArray lengths = lengths(inputs);
                NDArray output =
                        AttentionOperator.apply(query, key, value, lengths, settings, manager)) {
            return operatorArray(output, swap, convert ? ScalarType.of(request.dataType()) : null);
        }
    }

    /**
     * An array on its way to the operator or back: heads and tokens swapped, the type changed, or
     * neither, recorded by autograd, as NDArray's own casts are not.
     */
    private static NDArray operatorArray(NDArray array, boolean swap, ScalarType other) {
        if (other != null) {
            try (NDArray cast = TorchOps.cast(array, other, array.getManager())) {
                return operatorArray(cast, swap, null);
            }
        }
        return swap
                ? array.transpose(0, 2, 1, 3)
                : AttentionInputs.alias(array, array.getManager());
    }

    private static NDArray direct(AttentionInputs inputs) {
        AttentionRequest request = inputs.request();
        ScalarType type = ScalarType.of(request.computeType());
        CudaGpu gpu = CudaGpu.of(request.device().getDeviceId());
        try (Operand query = Operand.of(inputs.query(), inputs.layout(), type);
                Operand key = Operand.of(inputs.key(), inputs.layout(), type);
                Operand value = Operand.of(inputs.value(), inputs.layout(), type);
                Tensor bias = DenseBias.of(inputs);
                NDArray lengths = lengths(inputs);
                Tensor keyLengths = lengths == null ? null : Tensor.lentBy(lengths);
                Tensor output = output(request, inputs.layout(), type)) {
            Operands operands = new Operands(query, key, value);
            TensorView outputView = CudaGpu.view(output, inputs.layout());
            AttentionProblem problem =
                    problem(request, isDecode(request)).withLayouts(operands.layouts(outputView));
            gpu.forward(
                    lengths == null ? withoutLengths(problem) : problem,
                    operands.arguments(
                            outputView,
                            bias == null
                                    ? TensorView.NONE
                                    : CudaGpu.view(bias, AttentionLayout.BNTH),
                            null,
                            keyLengths,
                            CacheRows.NONE,
                            Randomness.NONE));
            return converted(output, request).toArray(inputs.query().getManager());
        } catch (CudaException | KernelUnavailableException e) {
            throw new EngineException("attention failed: " + e.getMessage(), e);
        }
    }

    /** The table of pages has the columns of the capacity, whatever the rows' lengths are. */
    @Override
    public Optional<NDArray> attendPages(AttentionRequest request, NDArray query, KvCache cache) {
        if (!isDecode(request) || request.dataType() != request.computeType()) {
            return Optional.empty();
        }
        CudaGpu gpu = CudaGpu.of(request.device().getDeviceId());
        ScalarType type = ScalarType.of(request.computeType());
        try (NDArray keyPages = cache.keyMemory();
                NDArray valuePages = cache.valueMemory();
                NDArray lengths = cache.deviceLengths();
                Operand queries = Operand.of(query, AttentionLayout.BNTH, type);
                Operand keys = Operand.of(keyPages, AttentionLayout.BNTH, type);
                Operand values = Operand.of(valuePages, AttentionLayout.BNTH, type);
                Tensor keyLengths = Tensor.lentBy(lengths);
                Tensor pages = Tensor.lentBy(cache.devicePages());
                Tensor output = output(request, AttentionLayout.BNTH, type)) {
            Operands operands = new Operands(queries, keys, values);
            TensorView outputView = CudaGpu.view(output, AttentionLayout.BNTH);
            int count = Math.toIntExact(keyPages.getShape().get(0));
            AttentionProblem problem =
                    problem(request, cache.capacity(), true)
                            .withKeyLengths(true)
                            .withCausal(org.djlflash.cuda.plan.CausalAlignment.ROW_LENGTH)
                            .withCache(new CacheLayout(false, cache.pageSize(), count))
                            .withLayouts(operands.layouts(outputView));
            if (!CudaGpu.unsupportedReasons(request.device().getDeviceId(), problem).isEmpty()) {
                return Optional.empty();
            }
            gpu.forward(
                    problem,
                    operands.arguments(
                            outputView,
                            TensorView.NONE,
                            null,
                            keyLengths,
                            new CacheRows(DevicePointer.NULL, CudaGpu.pointer(pages)),
                            Randomness.NONE));
            return Optional.of(output.toArray(query.getManager()));
        } catch (CudaException | KernelUnavailableException e) {
            throw new EngineException("attention failed: " + e.getMessage(), e);
        }
    }

    private static Tensor converted(Tensor output, AttentionRequest request) {
        return request.dataType() == request.computeType()
                ? output
                : output.copy(ScalarType.of(request.dataType()));
    }

    /** In memory tokens before heads, so that joining the heads afterwards needs no copy. */
    private static Tensor output(
            AttentionRequest request, AttentionLayout layout, ScalarType type) {
        long size = request.headSize();
        long heads = request.queryHeads();
        long queries = request.queries();
        int device = request.device().getDeviceId();
        if (layout == AttentionLayout.BTNH) {
            return Tensor.emptyOnGpu(type, device, request.batch(), queries, heads, size);
        }
        long row = heads * size;
        return Tensor.emptyOnGpu(
                type,
                device,
                new long[] {request.batch(), heads, queries, size},
                new long[] {queries * row, size, row, 1});
    }

    /** The rows' lengths on the GPU, or null if they are all F: then nothing is copied there. */
    private static NDArray lengths(AttentionInputs inputs) {
        if (inputs.isFull()) {
            return null;
        }
        NDManager manager = inputs.query().getManager();
        if (inputs.deviceLengths() != null) {
            return AttentionInputs.alias(inputs.deviceLengths(), manager);
        }
        // New arrays of it are made on the GPU, wherever the queries' manager makes them.
        try (NDManager scope = manager.newSubManager(inputs.query().getDevice())) {
            NDArray lengths =
                    scope.create(
                            Arrays.stream(inputs.keyLengths())
                                    .mapToInt(Math::toIntExact)
                                    .toArray());
            lengths.attach(manager);
            return lengths;
        }
    }

    private static AttentionProblem withoutLengths(AttentionProblem problem) {
        boolean rowLength = problem.causal() == org.djlflash.cuda.plan.CausalAlignment.ROW_LENGTH;
        return problem.withKeyLengths(false)
                .withCausal(
                        rowLength
                                ? org.djlflash.cuda.plan.CausalAlignment.BOTTOM_RIGHT
                                : problem.causal());
    }

    private static boolean isDecode(AttentionRequest request) {
        return !request.gradient()
                && request.queries() <= DECODE_QUERIES
                && !request.mask()
                && !request.bias()
                && request.dropout() == 0;
    }

    /** Of contiguous arrays, as long as nothing else is known. */
    private static AttentionProblem problem(AttentionRequest request, boolean decode) {
        return problem(request, request.keys(), decode);
    }

    private static AttentionProblem problem(AttentionRequest request, long keys, boolean decode) {
        AttentionShape shape =
                new AttentionShape(
                        (int) request.batch(),
                        (int) request.queryHeads(),
                        (int) request.keyHeads(),
                        (int) request.queries(),
                        (int) keys,
                        (int) request.headSize());
        return new AttentionProblem(
                CudaOperator.element(ScalarType.of(request.computeType())),
                shape,
                AttentionProblem.Layouts.contiguous(shape),
                request.scale(),
                alignment(request.causal()),
                request.keyLengths(),
                DenseBias.kind(request),
                request.dropout(),
                request.gradient() ? GradientNeed.INPUTS : GradientNeed.NONE,
                request.deterministic(),
                decode,
                CacheLayout.CONTIGUOUS,
                decode ? request.splits() : 0);
    }

    private static org.djlflash.cuda.plan.CausalAlignment alignment(CausalAlignment causal) {
        return switch (causal) {
            case NONE -> org.djlflash.cuda.plan.CausalAlignment.NONE;
            case BOTTOM_RIGHT -> org.djlflash.cuda.plan.CausalAlignment.BOTTOM_RIGHT;
            case TOP_LEFT -> org.djlflash.cuda.plan.CausalAlignment.TOP_LEFT;
            case ROW_LENGTH -> org.djlflash.cuda.plan.CausalAlignment.ROW_LENGTH;
        };
    }
}
