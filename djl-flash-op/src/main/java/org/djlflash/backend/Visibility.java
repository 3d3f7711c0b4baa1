package org.djlflash.backend;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import org.djlflash.AttentionRequest;
import org.djlflash.CausalAlignment;
import org.djlflash.torch.TorchOps;

/** Who sees whom, as BOOLEAN arrays, for backends that take a dense mask. */
final class Visibility {

    private Visibility() {}

    /**
     * Combines causal alignment, key lengths, mask and the infinities of the bias.
     *
     * @return BOOLEAN, broadcastable to (B, N, T, F), or null if every query sees every key
     */
    static NDArray of(AttentionInputs inputs, NDManager scope) {
        NDArray bias = inputs.bias();
        NDArray allowed = bias == null ? null : bias.neq(Float.NEGATIVE_INFINITY);
        return and(and(positional(inputs, scope), inputs.mask()), allowed);
    }

    /**
     * Tells which queries see a key at all.
     *
     * @param visible who sees whom
     * @return BOOLEAN, shaped as that, but with a last dimension of 1
     */
    static NDArray seesAny(NDArray visible) {
        // Not a maximum: of no keys there is none.
        return visible.toType(DataType.UINT8, false).sum(new int[] {-1}, true).gt(0);
    }

    private static NDArray and(NDArray a, NDArray b) {
        if (a == null || b == null) {
            return a == null ? b : a;
        }
        return a.logicalAnd(b);
    }

    private static NDArray positional(AttentionInputs inputs, NDManager scope) {
        AttentionRequest request = inputs.request();
        long queries = request.queries();
        switch (request.causal()) {
            case TOP_LEFT:
                return limited(inputs, scope, ends(scope, 0, queries));
            case BOTTOM_RIGHT:
                return limited(inputs, scope, ends(scope, request.keys() - queries, queries));
            case ROW_LENGTH:
                if (queries == 1 && inputs.isFull()) {
                    return null;
                }
                return keys(inputs, scope)
                        .lt(lengths(inputs, scope).add(ends(scope, -queries, queries)));
            default:
                return inputs.isFull() ? null : keys(inputs, scope).lt(lengths(inputs, scope));
        }
    }

    private static NDArray limited(AttentionInputs inputs, NDManager scope, NDArray ends) {
        NDArray causal = keys(inputs, scope).lt(ends);
        return inputs.isFull()
                ? causal
                : causal.logicalAnd(keys(inputs, scope).lt(lengths(inputs, scope)));
    }

    /** Tells whether the causal mask alone decides, aligned as PyTorch aligns it. */
    static boolean isTopLeftCausal(AttentionInputs inputs) {
        AttentionRequest request = inputs.request();
        boolean square = request.queries() == request.keys();
        boolean causal =
                request.causal() == CausalAlignment.TOP_LEFT
                        || request.causal() == CausalAlignment.BOTTOM_RIGHT && square;
        return causal && inputs.isFull() && inputs.mask() == null && inputs.bias() == null;
    }

    /** Returns mask and bias as one bias, minus infinity where nothing is seen, or null. */
    static NDArray asBias(AttentionInputs inputs, NDManager scope) {
        if (inputs.mask() == null) {
            return inputs.bias();
        }
        DataType type = inputs.query().getDataType();
        NDArray hidden = scope.full(new Shape(1), Float.NEGATIVE_INFINITY, type);
        NDArray bias = inputs.bias() == null ? scope.zeros(new Shape(1), type) : inputs.bias();
        return TorchOps.where(inputs.mask(), bias, hidden, scope);
    }

    /**
     * Replaces keys and values beyond each row's length by zeros: a masked score is still
     * multiplied, and 0 times NaN is NaN.
     */
    static AttentionInputs withoutPadding(AttentionInputs inputs, NDManager scope) {
        if (inputs.finitePadding() || inputs.isFull()) {
            return inputs;
        }
        NDArray used =
                scope.arange(0, Math.toIntExact(inputs.request().keys()), 1, DataType.INT64)
                        .reshape(1, 1, -1, 1)
                        .lt(lengths(inputs, scope));
        NDArray zero = scope.zeros(new Shape());
        return inputs.withKeysAndValues(
                TorchOps.where(used, inputs.key(), zero, scope),
                TorchOps.where(used, inputs.value(), zero, scope));
    }

    private static NDArray keys(AttentionInputs inputs, NDManager scope) {
        return scope.arange(0, Math.toIntExact(inputs.request().keys()), 1, DataType.INT64)
                .reshape(1, 1, 1, -1);
    }

    private static NDArray lengths(AttentionInputs inputs, NDManager scope) {
        NDArray onDevice = inputs.deviceLengths();
        NDArray lengths = onDevice == null ? scope.create(inputs.keyLengths()) : onDevice;
        return lengths.reshape(-1, 1, 1, 1);
    }

    /** For each query, the first key that it does not see, counted from an offset. */
    private static NDArray ends(NDManager scope, long offset, long queries) {
        int first = Math.toIntExact(offset + 1);
        return scope.arange(first, Math.toIntExact(offset + 1 + queries), 1, DataType.INT64)
                .reshape(1, 1, -1, 1);
    }
}
