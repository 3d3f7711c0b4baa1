package org.djlflash.backend;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import org.djlflash.AttentionRequest;
import org.djlflash.cuda.plan.BiasKind;
import org.djlflash.torch.ScalarType;
import org.djlflash.torch.Tensor;
import org.djlflash.torch.TorchOps;

/** Mask and bias as the kernels read them: one bias, added to the scores. */
final class DenseBias {

    private DenseBias() {}

    /** A bias comes in the arrays' type; the kernels read theirs or FLOAT32. */
    static BiasKind kind(AttentionRequest request) {
        if (!request.mask() && !request.bias()) {
            return BiasKind.NONE;
        }
        return request.dataType() == request.computeType() ? BiasKind.ELEMENT : BiasKind.FLOAT;
    }

    /**
     * Joins mask and bias.
     *
     * @return shape (B, N, T, F), broadcast by strides of 0 but for contiguous rows; null without
     *     mask and bias
     */
    static Tensor of(AttentionInputs inputs) {
        AttentionRequest request = inputs.request();
        BiasKind kind = kind(request);
        if (kind == BiasKind.NONE) {
            return null;
        }
        NDArray query = inputs.query();
        try (NDManager scope = query.getManager().newSubManager(query.getDevice())) {
            NDArray bias = Visibility.asBias(inputs.in(scope), scope);
            if (kind == BiasKind.FLOAT) {
                bias = TorchOps.cast(bias, ScalarType.FLOAT32, scope);
            }
            Shape scores =
                    new Shape(
                            request.batch(),
                            request.queryHeads(),
                            request.queries(),
                            request.keys());
            return Tensor.of(withContiguousRows(bias, request.keys(), scope).broadcast(scores));
        }
    }

    /** Copies where keys are not beside each other, of the other dimensions what there is. */
    private static NDArray withContiguousRows(NDArray bias, long keys, NDManager scope) {
        Shape given = bias.getShape();
        NDArray rows = bias.broadcast(given.get(0), given.get(1), given.get(2), keys);
        try (Tensor tensor = Tensor.lentBy(rows)) {
            return tensor.strides()[3] == 1 ? rows : tensor.copy(tensor.type()).toArray(scope);
        }
    }
}
