package org.djlflash.nn;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.nn.ParameterList;
import ai.djl.nn.norm.BatchNorm;
import ai.djl.training.ParameterStore;
import org.djlflash.train.Recomputation;

/**
 * A batch norm over all tokens, built with DJL's defaults. DJL swaps axes to apply it to (B, S, E),
 * which copies the array four times in training; as (B S, E) it is applied as it lies.
 */
final class TokenNorm {

    private static final int EMBEDDING_AXIS = 2;
    private static final int LAST_AXIS = -1;
    private static final float MOMENTUM = 0.9f;
    private static final float EPSILON = 1e-5f;

    private TokenNorm() {}

    static BatchNorm create() {
        return BatchNorm.builder()
                .optAxis(EMBEDDING_AXIS)
                .optMomentum(MOMENTUM)
                .optEpsilon(EPSILON)
                .build();
    }

    /** Normalizes an array of shape (B, S, E). */
    static NDArray apply(BatchNorm norm, ParameterStore ps, NDArray input, boolean training) {
        Device device = input.getDevice();
        ParameterList parameters = norm.getDirectParameters();
        NDArray mean = ps.getValue(parameters.get("runningMean"), device, training);
        NDArray variance = ps.getValue(parameters.get("runningVar"), device, training);
        if (Recomputation.isAgain()) {
            // They have seen this batch.
            mean = copy(mean, input);
            variance = copy(variance, input);
        }
        NDList output =
                BatchNorm.batchNorm(
                        input.reshape(-1, input.getShape().get(EMBEDDING_AXIS)),
                        mean,
                        variance,
                        ps.getValue(parameters.get("gamma"), device, training),
                        ps.getValue(parameters.get("beta"), device, training),
                        LAST_AXIS,
                        MOMENTUM,
                        EPSILON,
                        training);
        return output.singletonOrThrow().reshape(input.getShape());
    }

    private static NDArray copy(NDArray array, NDArray owned) {
        NDArray copy = array.duplicate();
        copy.attach(owned.getManager());
        return copy;
    }
}
