package org.djlflash.autograd;

import ai.djl.engine.EngineException;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import java.util.OptionalDouble;
import java.util.OptionalLong;
import org.djlflash.torch.OperatorCall;

/**
 * The call of {@code aten::_flash_attention_forward}: PyTorch chooses the kernel by the arrays'
 * device and records the call for backward.
 *
 * <p>Safe for use by many threads.
 */
public final class AttentionOperator {

    private static final int RESULTS = 5;

    /** PyTorch runs forward on the thread of the call, so the cause meets its caller here. */
    private static final ThreadLocal<Throwable> FORWARD_FAILURE = new ThreadLocal<>();

    private AttentionOperator() {}

    static void forwardFailed(Throwable cause) {
        FORWARD_FAILURE.set(cause);
    }

    /**
     * Computes attention on the kernels registered for the arrays' device.
     *
     * @param query the queries, shape (B, T, N, H)
     * @param key the keys, shape (B, F, key heads, H)
     * @param value the values, shaped as the keys
     * @param keyLengths INT32, shape (B), the keys that count in each row, or null if all do
     * @param settings the settings
     * @param manager the owner of the output
     * @return the output, shape (B, T, N, H)
     * @throws EngineException if no kernel is registered or the kernel failed, with its cause
     */
    public static NDArray apply(
            NDArray query,
            NDArray key,
            NDArray value,
            NDArray keyLengths,
            AttentionKernels.Settings settings,
            NDManager manager) {
        OptionalDouble scale = settings.scale();
        OptionalLong left = settings.windowLeft();
        OptionalLong right = settings.windowRight();
        try (OperatorCall call = new OperatorCall("aten::_flash_attention_forward", "")) {
            call.tensor(query).tensor(key).tensor(value).none().none();
            call.integer(query.getShape().get(1)).integer(key.getShape().get(1));
            call.real(settings.dropout()).flag(settings.causal()).flag(false);
            call.optionalReal(scale).optionalInteger(left).optionalInteger(right);
            call.optionalTensor(keyLengths).none();
            // PyTorch's own attention may have called the kernel too, with nobody to take the
            // cause.
            FORWARD_FAILURE.remove();
            call.invoke(RESULTS);
            Throwable cause = FORWARD_FAILURE.get();
            if (cause != null) {
                throw new EngineException(
                        "attention forward failed on query "
                                + query.getShape()
                                + ", key "
                                + key.getShape()
                                + ": "
                                + cause,
                        cause);
            }
            return call.take(0).toArray(manager);
        } finally {
            FORWARD_FAILURE.remove();
        }
    }
}
