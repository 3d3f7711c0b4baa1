package org.djlflash.train;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDArrays;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.nn.Parameter;
import ai.djl.training.ParameterStore;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import org.djlflash.torch.GradMode;
import org.djlflash.torch.ScalarType;
import org.djlflash.torch.TorchOps;

/**
 * A model's parameters on one device, and what a step makes of them: copies in 16 bits, and copies
 * of several side by side. For one thread.
 */
final class PrecisionStore extends ParameterStore implements AutoCloseable {

    private final NDManager manager;
    private final ScalarType type;

    /** What holds the copies, until the parameters change. */
    private NDManager step;

    private final Map<Object, NDArray> copies = new HashMap<>();

    /**
     * Creates a store.
     *
     * @param manager the owner of the copies
     * @param type their type, or null if they are FLOAT32 as the parameters are
     */
    PrecisionStore(NDManager manager, ScalarType type) {
        super(manager, false);
        this.manager = manager;
        this.type = type;
        step = manager.newSubManager();
    }

    ScalarType type() {
        return type;
    }

    /** A copy, with or without autograd following. */
    private record Key(Object of, boolean training) {}

    NDArray lowered(Parameter parameter, Device device, boolean training) {
        NDArray value = getValue(parameter, device, training);
        return copy(parameter, training, () -> TorchOps.cast(value, type, step));
    }

    NDArray joined(List<Parameter> parameters, Device device, boolean training) {
        return copy(
                parameters,
                training,
                () -> {
                    NDList values = new NDList();
                    for (Parameter parameter : parameters) {
                        values.add(Precision.value(this, parameter, device, training));
                    }
                    NDArray joined = NDArrays.concat(values);
                    joined.attach(step);
                    return joined;
                });
    }

    private NDArray copy(Object of, boolean training, Supplier<NDArray> maker) {
        Key key = new Key(of, training);
        NDArray known = copies.get(key);
        if (known == null) {
            known = training ? maker.get() : GradMode.off(maker);
            copies.put(key, known);
        }
        return known;
    }

    /** Frees the copies: the parameters have changed. */
    void nextStep() {
        copies.clear();
        step.close();
        step = manager.newSubManager();
    }

    @Override
    public void close() {
        copies.clear();
        step.close();
    }
}
