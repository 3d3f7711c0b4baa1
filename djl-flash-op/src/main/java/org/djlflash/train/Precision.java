package org.djlflash.train;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDArrays;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.nn.Parameter;
import ai.djl.nn.core.Linear;
import ai.djl.training.ParameterStore;
import java.util.ArrayList;
import java.util.List;
import org.djlflash.torch.ScalarType;
import org.djlflash.torch.TorchOps;

/**
 * What blocks ask for, so that they run in mixed precision when a {@link MixedPrecisionTrainer}
 * trains them, and as ever otherwise: with any other parameter store nothing here converts.
 *
 * <p>In mixed precision a block may meet arrays of BFLOAT16, for which DJL has no name: it may add,
 * multiply, reshape, split and drop out such arrays, but must not make other arrays like them.
 *
 * <p>Stateless; safe for use by many threads.
 */
public final class Precision {

    private Precision() {}

    /**
     * Tells whether a pass runs in mixed precision.
     *
     * @param ps the pass's parameter store
     * @return true if it does
     */
    public static boolean isMixed(ParameterStore ps) {
        return type(ps) != null;
    }

    private static ScalarType type(ParameterStore ps) {
        return ps instanceof PrecisionStore ? ((PrecisionStore) ps).type() : null;
    }

    /**
     * Brings an array to the type that matrices are multiplied in, recorded by autograd.
     *
     * @param ps the pass's parameter store
     * @param array the array
     * @return an array on the same manager, or the array itself if nothing is to convert
     */
    public static NDArray lower(ParameterStore ps, NDArray array) {
        ScalarType type = type(ps);
        return type == null ? array : TorchOps.cast(array, type, array.getManager());
    }

    /**
     * Brings an array back to FLOAT32, recorded by autograd.
     *
     * @param ps the pass's parameter store
     * @param array the array
     * @return an array on the same manager, or the array itself if nothing is to convert
     */
    public static NDArray raise(ParameterStore ps, NDArray array) {
        return isMixed(ps) ? TorchOps.cast(array, ScalarType.FLOAT32, array.getManager()) : array;
    }

    /**
     * Returns a parameter's value in the type that matrices are multiplied in, converted once an
     * update.
     *
     * @param ps the pass's parameter store, which owns the value
     * @param parameter the parameter, or null
     * @param device the device
     * @param training whether the pass is for training
     * @return the value, or null without a parameter
     */
    public static NDArray value(
            ParameterStore ps, Parameter parameter, Device device, boolean training) {
        return parameter != null && isMixed(ps)
                ? ((PrecisionStore) ps).lowered(List.of(parameter))
                : ps.getValue(parameter, device, training);
    }

    /**
     * Applies a linear layer.
     *
     * @param linear the layer
     * @param ps the pass's parameter store
     * @param input the input, of FLOAT32 or of the type that matrices are multiplied in
     * @param training whether the pass is for training
     * @return the output, in the type that matrices are multiplied in
     */
    public static NDArray linear(
            Linear linear, ParameterStore ps, NDArray input, boolean training) {
        if (!isMixed(ps)) {
            return linear.forward(ps, new NDList(input), training).singletonOrThrow();
        }
        return joined(List.of(linear), ps, input, training);
    }

    /**
     * Applies linear layers to the same input as one product.
     *
     * @param layers the layers; all with a bias, or all without
     * @param ps the pass's parameter store
     * @param input the input, shape (..., E)
     * @param training whether the pass is for training
     * @return the outputs side by side, in the type that matrices are multiplied in
     */
    public static NDArray joined(
            List<Linear> layers, ParameterStore ps, NDArray input, boolean training) {
        NDManager manager = input.getManager();
        Device device = input.getDevice();
        NDArray low = lower(ps, input);
        NDArray weight = joined(layers, "weight", ps, device, manager, training);
        NDArray bias = joined(layers, "bias", ps, device, manager, training);
        return Linear.linear(low, weight, bias).singletonOrThrow();
    }

    private static NDArray joined(
            List<Linear> layers,
            String name,
            ParameterStore ps,
            Device device,
            NDManager manager,
            boolean training) {
        List<Parameter> parameters = new ArrayList<>(layers.size());
        for (Linear layer : layers) {
            // There is none where a layer has no bias.
            Parameter parameter = layer.getDirectParameters().get(name);
            if (parameter != null) {
                parameters.add(parameter);
            }
        }
        if (parameters.isEmpty()) {
            return null;
        }
        if (isMixed(ps)) {
            return ((PrecisionStore) ps).lowered(parameters);
        }
        if (parameters.size() == 1) {
            return ps.getValue(parameters.get(0), device, training);
        }
        NDList values = new NDList();
        parameters.forEach(parameter -> values.add(ps.getValue(parameter, device, training)));
        NDArray joined = NDArrays.concat(values);
        // Of itself it would stay with the parameters.
        joined.attach(manager);
        return joined;
    }
}
