package org.djlflash.train;

import ai.djl.ndarray.NDArray;
import ai.djl.nn.Block;
import ai.djl.nn.Parameter;
import ai.djl.util.Pair;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.djlflash.torch.Autograd;

/**
 * The gradients of a block's parameters. PyTorch adds to the same arrays as long as they are, so
 * they are looked up once. For one thread.
 */
final class Gradients {

    private final List<Parameter> parameters = new ArrayList<>();
    private final Function<Parameter, NDArray> lowered;

    /** What autograd itself keeps. */
    private final Map<Parameter, Gradient> known = new HashMap<>();

    /**
     * Creates an empty list.
     *
     * @param block the block
     * @param lowered gives the gradients of parameters that passes use in 16 bits, or null
     */
    Gradients(Block block, Function<Parameter, NDArray> lowered) {
        this.lowered = lowered;
        for (Pair<String, Parameter> named : block.getParameters()) {
            parameters.add(named.getValue());
        }
    }

    /**
     * Lists the gradients there are.
     *
     * @throws IllegalStateException if there is none
     */
    List<Gradient> list() {
        List<Gradient> gradients = new ArrayList<>();
        for (Parameter parameter : parameters) {
            if (!parameter.requiresGradient()) {
                clear(parameter);
                continue;
            }
            Gradient gradient = find(parameter);
            if (gradient != null) {
                gradients.add(gradient);
            }
        }
        if (gradients.isEmpty()) {
            throw new IllegalStateException(
                    "there are no gradients, call backward of the gradient collector on the loss"
                            + " before step");
        }
        return gradients;
    }

    /** A frozen one may lie beside others in 16 bits; nothing may add up until it is thawed. */
    private void clear(Parameter parameter) {
        NDArray full = lowered.apply(parameter);
        if (full != null) {
            new Gradient(parameter.getId(), parameter.getArray(), full).zero();
        }
    }

    private Gradient find(Parameter parameter) {
        NDArray full = lowered.apply(parameter);
        Gradient own = own(parameter);
        if (full == null) {
            return own;
        }
        if (own != null) {
            // A pass uses the parameter in FLOAT32 as well.
            full.addi(own.values());
            own.zero();
        }
        return new Gradient(parameter.getId(), parameter.getArray(), full);
    }

    private Gradient own(Parameter parameter) {
        NDArray weight = parameter.getArray();
        Gradient gradient = known.get(parameter);
        if (gradient != null && gradient.weight() == weight) {
            return gradient;
        }
        return Autograd.gradient(weight)
                .map(values -> remember(parameter, weight, values))
                .orElse(null);
    }

    private Gradient remember(Parameter parameter, NDArray weight, NDArray values) {
        Gradient found = new Gradient(parameter.getId(), weight, values);
        known.put(parameter, found);
        return found;
    }

    /** Frees what was looked up. */
    void close() {
        known.values().forEach(gradient -> gradient.values().close());
        known.clear();
    }
}
