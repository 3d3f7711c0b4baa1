package org.djlflash.torch;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import java.util.OptionalDouble;

/** The PyTorch operators that DJL does not offer, or offers without autograd. */
public final class TorchOps {

    /** PyTorch's number of the mean among reductions. */
    private static final int MEAN = 1;

    private TorchOps() {}

    /**
     * Converts an array's type, recorded by autograd; {@code NDArray.toType} is not.
     *
     * @param array the array
     * @param type the wanted type
     * @param manager the owner of the result
     * @return a new array, sharing storage if the type is already right
     */
    public static NDArray cast(NDArray array, ScalarType type, NDManager manager) {
        try (OperatorCall call = new OperatorCall("aten::to", "dtype")) {
            call.tensor(array).integer(type.code()).flag(false).flag(false).none().invoke(1);
            return call.take(0).toArray(manager);
        }
    }

    /**
     * Computes x &middot; sigmoid(x), recorded by autograd.
     *
     * @param array the array
     * @param manager the owner of the result
     * @return shaped as the array
     */
    public static NDArray silu(NDArray array, NDManager manager) {
        try (OperatorCall call = new OperatorCall("aten::silu", "")) {
            call.tensor(array).invoke(1);
            return call.take(0).toArray(manager);
        }
    }

    /**
     * Runs PyTorch's scaled dot product attention, recorded by autograd.
     *
     * @param query the queries, shape (B, N, T, H)
     * @param key the keys, shape (B, N or a divisor of it, F, H)
     * @param value the values, shaped as the keys
     * @param mask what is seen (BOOLEAN) or a bias (of the queries' type), broadcastable to (B, N,
     *     T, F), or null
     * @param dropout the share of probabilities set to zero
     * @param causal whether query i sees keys 0 to i only
     * @param scale the factor of the scores
     * @param manager the owner of the result
     * @return the attended values, shape (B, N, T, H)
     */
    public static NDArray scaledDotProductAttention(
            NDArray query,
            NDArray key,
            NDArray value,
            NDArray mask,
            double dropout,
            boolean causal,
            double scale,
            NDManager manager) {
        boolean grouped = query.getShape().get(1) != key.getShape().get(1);
        try (OperatorCall call = new OperatorCall("aten::scaled_dot_product_attention", "")) {
            call.tensor(query).tensor(key).tensor(value).optionalTensor(mask).real(dropout);
            call.flag(causal).optionalReal(OptionalDouble.of(scale)).flag(grouped).invoke(1);
            return call.take(0).toArray(manager);
        }
    }

    /**
     * Chooses element by element, broadcasting all three, recorded by autograd.
     *
     * @param condition BOOLEAN
     * @param yes what is taken where the condition is true
     * @param no what is taken elsewhere
     * @param manager the owner of the result
     * @return the choice
     */
    public static NDArray where(NDArray condition, NDArray yes, NDArray no, NDManager manager) {
        try (OperatorCall call = new OperatorCall("aten::where", "self")) {
            call.tensor(condition).tensor(yes).tensor(no).invoke(1);
            return call.take(0).toArray(manager);
        }
    }

    /**
     * Takes entries along an axis, in the order of their indices.
     *
     * @param array the array, any strides
     * @param axis the axis
     * @param indices INT32 or INT64, shape (n), on the array's device
     * @param manager the owner of the result
     * @return a new array, shaped as the given one but for n entries along the axis
     */
    public static NDArray indexSelect(NDArray array, int axis, NDArray indices, NDManager manager) {
        try (OperatorCall call = new OperatorCall("aten::index_select", "")) {
            call.tensor(array).integer(axis).tensor(indices).invoke(1);
            return call.take(0).toArray(manager);
        }
    }

    /**
     * Computes the mean cross-entropy of rows of logits, recorded by autograd; of the probabilities
     * only their logarithms are kept.
     *
     * @param logits FLOAT32, shape (N, V)
     * @param labels INT64, shape (N), each from 0 and below V, or the ignored one
     * @param ignored rows with this label do not count
     * @param manager the owner of the result
     * @return a scalar
     */
    public static NDArray crossEntropy(
            NDArray logits, NDArray labels, long ignored, NDManager manager) {
        try (OperatorCall call = new OperatorCall("aten::cross_entropy_loss", "")) {
            call.tensor(logits).tensor(labels).none().integer(MEAN).integer(ignored).real(0);
            return call.invoke(1).take(0).toArray(manager);
        }
    }
}
