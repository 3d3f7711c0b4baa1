package org.djlflash.backend;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import java.util.ArrayList;
import java.util.List;
import org.djlflash.AttentionRequest;
import org.djlflash.Backend;
import org.djlflash.autograd.AttentionRegistration;
import org.djlflash.torch.ScalarType;
import org.djlflash.torch.TorchLibrary;
import org.djlflash.torch.TorchOps;

/**
 * PyTorch's scaled dot product attention, called through its dispatcher: fused on the CPU and on
 * CUDA where PyTorch has a kernel for the case, differentiable everywhere.
 *
 * <p>PyTorch aligns its causal flag top-left, so every other alignment is given as a mask.
 */
final class TorchSdpaBackend implements AttentionBackend {

    private static final int LARGEST_HALF = 65504;

    /** Of FLOAT32, which turns no other floating type into a wider one. */
    private static final Shape SCALAR = new Shape();

    @Override
    public Backend id() {
        return Backend.TORCH_SDPA;
    }

    @Override
    public List<String> unsupportedReasons(AttentionRequest request) {
        List<String> reasons = new ArrayList<>();
        TorchLibrary.unavailabilityCause()
                .ifPresent(
                        cause ->
                                reasons.add(
                                        "PyTorch's stable C ABI is not available: "
                                                + cause.getMessage()));
        if (request.deterministic() && request.gradient() && request.device().isGpu()) {
            reasons.add(
                    "A deterministic gradient is asked for; PyTorch's fused backward adds up in any"
                            + " order on GPUs.");
        }
        return reasons;
    }

    @Override
    public NDArray attend(AttentionInputs inputs) {
        return inputs.scoped(TorchSdpaBackend::attend);
    }

    private static NDArray attend(AttentionInputs inputs, NDManager scope) {
        boolean masked = isFlashOurs(inputs.request());
        if (!masked && Visibility.isTopLeftCausal(inputs)) {
            return compute(inputs, null, true, scope);
        }
        NDArray visible = Visibility.of(inputs, scope);
        if (masked && visible == null) {
            visible = scope.ones(new Shape(1), DataType.BOOLEAN);
        }
        if (visible == null) {
            return compute(inputs, null, false, scope);
        }
        // A row that sees nothing is NaN in some of PyTorch's kernels, forward or backward. Let it
        // see everything and cut it off afterwards: what flows back is then exactly 0.
        NDArray seen = Visibility.seesAny(visible);
        NDArray safe = visible.logicalOr(seen.logicalNot());
        AttentionInputs clean = Visibility.withoutPadding(inputs, scope);
        NDArray output = compute(clean, masked(safe, visible, seen, inputs, scope), false, scope);
        NDArray zero = scope.zeros(SCALAR);
        return TorchOps.where(seen, output, zero, scope);
    }

    /**
     * While our kernels are registered, PyTorch's flash attention runs on them; a mask makes it
     * take another kernel of its own.
     */
    private static boolean isFlashOurs(AttentionRequest request) {
        return request.device().isGpu()
                && AttentionRegistration.isInstalled(CudaBackend.DISPATCH_KEY);
    }

    private static NDArray masked(
            NDArray safe, NDArray visible, NDArray seen, AttentionInputs inputs, NDManager scope) {
        // PyTorch's CUDA kernels read a mask that broadcasts over the keys beyond its end.
        Shape allKeys = new Shape(1, 1, 1, inputs.request().keys());
        if (inputs.bias() == null) {
            return safe.logicalOr(scope.zeros(allKeys, DataType.BOOLEAN));
        }
        NDArray bias = withinRange(inputs.bias(), inputs.request());
        // A row whose bias hides every key must not stay hidden, either.
        NDArray hidden = scope.full(SCALAR, Float.NEGATIVE_INFINITY);
        NDArray zero = scope.zeros(SCALAR);
        NDArray unseen = TorchOps.where(seen, hidden, zero, scope);
        return TorchOps.where(visible, bias, unseen, scope).add(scope.zeros(allKeys));
    }

    /** A bias such as -1e9 would become minus infinity in half precision, and its row NaN. */
    private static NDArray withinRange(NDArray bias, AttentionRequest request) {
        return request.computeType() == DataType.FLOAT16 && request.dataType() != DataType.FLOAT16
                ? bias.clip(-LARGEST_HALF, LARGEST_HALF)
                : bias;
    }

    private static NDArray compute(
            AttentionInputs inputs, NDArray mask, boolean causal, NDManager scope) {
        AttentionRequest request = inputs.request();
        ScalarType type = ScalarType.of(request.computeType());
        boolean convert = request.computeType() != request.dataType();
        boolean convertMask = mask != null && !mask.getDataType().isBoolean();
        NDArray output =
                TorchOps.scaledDotProductAttention(
                        convert ? TorchOps.cast(inputs.query(), type, scope) : inputs.query(),
                        convert ? TorchOps.cast(inputs.key(), type, scope) : inputs.key(),
                        convert ? TorchOps.cast(inputs.value(), type, scope) : inputs.value(),
                        convertMask ? TorchOps.cast(mask, type, scope) : mask,
                        request.dropout(),
                        causal,
                        request.scale(),
                        scope);
        return convert ? TorchOps.cast(output, ScalarType.of(request.dataType()), scope) : output;
    }
}
