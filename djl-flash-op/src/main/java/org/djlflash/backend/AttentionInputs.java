package org.djlflash.backend;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import java.util.function.BiFunction;
import org.djlflash.AttentionLayout;
import org.djlflash.AttentionRequest;
import org.djlflash.torch.Tensor;

/**
 * The checked data of one call.
 *
 * @param request what is asked for
 * @param layout whether heads or tokens come first in queries, keys, values and output
 * @param query the queries, shape (B, N, T, H) or (B, T, N, H), any strides
 * @param key the keys, shape (B, key heads, F, H) or (B, F, key heads, H), any strides
 * @param value the values, shaped as the keys, any strides
 * @param keyLengths the number of keys that count in each row, or null if all do
 * @param deviceLengths the same as INT32 on the queries' device, shape (B), if it is there already,
 *     or null
 * @param finitePadding whether keys and values beyond a row's length are known to be finite
 * @param mask BOOLEAN, true where a query sees a key, broadcastable to (B, N, T, F), or null
 * @param bias added to the scores, minus infinity where a key is not seen, broadcastable to (B, N,
 *     T, F), or null
 */
public record AttentionInputs(
        AttentionRequest request,
        AttentionLayout layout,
        NDArray query,
        NDArray key,
        NDArray value,
        long[] keyLengths,
        NDArray deviceLengths,
        boolean finitePadding,
        NDArray mask,
        NDArray bias) {

    /**
     * Runs a computation on these inputs, heads first, in a scope of its own: what it makes beside
     * its result is freed.
     *
     * @return the result in the layout of these inputs, on the queries' manager
     */
    NDArray scoped(BiFunction<AttentionInputs, NDManager, NDArray> computation) {
        NDManager manager = query.getManager();
        try (NDManager scope = manager.newSubManager(query.getDevice())) {
            NDArray result = ordered(computation.apply(in(scope), scope));
            result.attach(manager);
            return result;
        }
    }

    /** Tells whether all keys of all rows count. */
    boolean isFull() {
        if (keyLengths != null) {
            for (long length : keyLengths) {
                if (length != request.keys()) {
                    return false;
                }
            }
        }
        return true;
    }

    /**
     * Returns these inputs as arrays of a scope, so that all that is computed from them is the
     * scope's too: heads first, mask and bias with four dimensions. The caller's arrays, which
     * other threads may use, are left as they are.
     */
    AttentionInputs in(NDManager scope) {
        return new AttentionInputs(
                request,
                AttentionLayout.BNTH,
                ordered(alias(query, scope)),
                ordered(alias(key, scope)),
                ordered(alias(value, scope)),
                keyLengths,
                deviceLengths == null ? null : alias(deviceLengths, scope),
                finitePadding,
                mask == null ? null : ofRank4(alias(mask, scope)),
                bias == null ? null : ofRank4(alias(bias, scope)));
    }

    /** Changes heads first to this layout, and this layout to heads first. */
    private NDArray ordered(NDArray array) {
        return layout == AttentionLayout.BNTH ? array : array.transpose(0, 2, 1, 3);
    }

    /** Makes a second array of the same memory, in another manager. */
    static NDArray alias(NDArray array, NDManager scope) {
        return Tensor.of(array).toArray(scope);
    }

    private static NDArray ofRank4(NDArray array) {
        long[] sizes = {1, 1, 1, 1};
        long[] given = array.getShape().getShape();
        System.arraycopy(given, 0, sizes, sizes.length - given.length, given.length);
        return array.reshape(sizes);
    }

    /** Returns these inputs with other keys and values. */
    AttentionInputs withKeysAndValues(NDArray otherKey, NDArray otherValue) {
        return new AttentionInputs(
                request,
                layout,
                query,
                otherKey,
                otherValue,
                keyLengths,
                deviceLengths,
                finitePadding,
                mask,
                bias);
    }
}
