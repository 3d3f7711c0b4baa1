package org.djlflash.train;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.nn.Parameter;
import ai.djl.training.ParameterStore;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.djlflash.torch.ScalarType;

/**
 * A model's parameters on one device, also in 16 bits: these are copied from the FLOAT32 ones
 * before the first use after an update. For one thread.
 */
final class PrecisionStore extends ParameterStore {

    private final NDManager manager;
    private final ScalarType type;
    private final UpdateMath math;

    private final Map<List<Parameter>, Shadow> shadows = new LinkedHashMap<>();

    /** FLOAT32 gradients of parameters that passes use in 16 bits. */
    private final Map<Parameter, NDArray> gradients = new HashMap<>();

    private boolean stale;

    /** Null where everything is kept for backward. */
    private final Recomputation recomputation;

    /**
     * Creates a store.
     *
     * @param manager the owner of the copies
     * @param type their type, or null if passes use FLOAT32 alone
     * @param recomputation computes parts again in backward, or null
     */
    PrecisionStore(NDManager manager, ScalarType type, Recomputation recomputation) {
        super(manager, false);
        this.manager = manager;
        this.type = type;
        this.recomputation = recomputation;
        this.math = UpdateMath.on(manager.getDevice());
    }

    ScalarType type() {
        return type;
    }

    Recomputation recomputation() {
        return recomputation;
    }

    /** Returns parameters in 16 bits, side by side along their first axis. */
    NDArray lowered(List<Parameter> parameters) {
        if (stale && !shadows.isEmpty()) {
            List<Twin> twins = new ArrayList<>();
            shadows.values().forEach(shadow -> twins.addAll(shadow.values()));
            math.lower(twins, type);
            stale = false;
        }
        Shadow shadow = shadows.get(parameters);
        if (shadow == null) {
            shadow = Shadow.of(parameters, type, manager);
            shadows.put(parameters, shadow);
            math.lower(shadow.values(), type);
        }
        return shadow.array();
    }

    /** Adds what backward has found in 16 bits to the FLOAT32 gradients. */
    void collect() {
        List<Twin> twins = new ArrayList<>();
        for (Shadow shadow : shadows.values()) {
            twins.addAll(shadow.gradients(this::fullGradient));
        }
        if (!twins.isEmpty()) {
            math.collect(twins, type);
        }
    }

    private NDArray fullGradient(Parameter parameter) {
        return gradients.computeIfAbsent(parameter, p -> manager.zeros(p.getShape()));
    }

    /** Returns the FLOAT32 gradient of a parameter that passes use in 16 bits, else null. */
    NDArray gradient(Parameter parameter) {
        return gradients.get(parameter);
    }

    /** Says that the parameters have changed. */
    void updated() {
        stale = true;
    }
}
