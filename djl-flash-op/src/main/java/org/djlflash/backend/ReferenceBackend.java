package org.djlflash.backend;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDArrays;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.norm.Dropout;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.djlflash.AttentionRequest;
import org.djlflash.Backend;

/**
 * Attention as its definition reads, in plain {@code NDArray} calls: the specification of all other
 * backends. It holds all T &times; F scores in memory.
 */
final class ReferenceBackend implements AttentionBackend {

    private static final Set<DataType> TYPES = Set.of(DataType.FLOAT32, DataType.FLOAT64);

    @Override
    public Backend id() {
        return Backend.REFERENCE;
    }

    @Override
    public List<String> unsupportedReasons(AttentionRequest request) {
        List<String> reasons = new ArrayList<>();
        if (!TYPES.contains(request.computeType())) {
            reasons.add(
                    "The compute type is "
                            + request.computeType()
                            + "; plain NDArray sums are precise enough in float32 and float64"
                            + " only.");
        }
        if (request.computeType() != request.dataType()) {
            reasons.add(
                    "The arrays are "
                            + request.dataType()
                            + ", to be computed in "
                            + request.computeType()
                            + "; NDArray conversions are not recorded by autograd, so the types"
                            + " must be equal.");
        }
        return reasons;
    }

    @Override
    public NDArray attend(AttentionInputs inputs) {
        return inputs.scoped(ReferenceBackend::attend);
    }

    private static NDArray attend(AttentionInputs inputs, NDManager scope) {
        AttentionRequest request = inputs.request();
        long group = request.queryHeads() / request.keyHeads();
        AttentionInputs clean = Visibility.withoutPadding(inputs, scope);
        NDArray key = clean.key().repeat(1, group);
        NDArray value = clean.value().repeat(1, group);
        NDArray visible = Visibility.of(inputs, scope);

        NDArray scores = inputs.query().matMul(key.transpose(0, 1, 3, 2)).mul(request.scale());
        if (inputs.bias() != null) {
            scores = scores.add(inputs.bias());
        }
        if (visible != null) {
            NDArray unseen = unseen(visible, request.dataType(), scope);
            scores = NDArrays.where(visible.broadcast(scores.getShape()), scores, unseen);
        }
        NDArray probabilities = scores.softmax(-1);
        if (visible != null) {
            // Only rows that see nothing change here: their softmax was spread over all keys.
            probabilities = probabilities.mul(visible.toType(request.dataType(), false));
        }
        if (request.dropout() > 0) {
            probabilities =
                    Dropout.dropout(probabilities, request.dropout(), true).singletonOrThrow();
        }
        return probabilities.matMul(value);
    }

    /** The score of a key not seen: minus infinity, but 0 where no key is seen, against NaN. */
    private static NDArray unseen(NDArray visible, DataType type, NDManager scope) {
        NDArray hidden = scope.full(new Shape(1), Float.NEGATIVE_INFINITY, type);
        NDArray seeing = Visibility.seesAny(visible);
        return NDArrays.where(
                seeing, hidden.broadcast(seeing.getShape()), scope.zeros(new Shape(1), type));
    }
}
