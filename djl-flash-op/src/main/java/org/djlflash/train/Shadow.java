package org.djlflash.train;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.nn.Parameter;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import org.djlflash.torch.Autograd;
import org.djlflash.torch.ScalarType;
import org.djlflash.torch.Tensor;

/**
 * Parameters in 16 bits, side by side along their first axis: for autograd a leaf, so that nothing
 * is converted in a pass. The array lives as long as the store; its values change with each update.
 * For one thread.
 */
final class Shadow {

    private final List<Parameter> parameters;
    private final NDArray array;
    private boolean trained;

    /** Null until there is one; then PyTorch adds to it. */
    private NDArray gradient;

    private Shadow(List<Parameter> parameters, NDArray array) {
        this.parameters = parameters;
        this.array = array;
    }

    /** Allocates; the values are not set. */
    static Shadow of(List<Parameter> parameters, ScalarType type, NDManager manager) {
        long rows = 0;
        for (Parameter parameter : parameters) {
            DataType found = parameter.getArray().getDataType();
            if (found != DataType.FLOAT32) {
                throw new IllegalArgumentException(
                        "parameter "
                                + parameter.getName()
                                + " is "
                                + found
                                + ", allowed is float32, which mixed precision copies");
            }
            rows += parameter.getArray().getShape().get(0);
        }
        NDArray first = parameters.get(0).getArray();
        long[] sizes = first.getShape().getShape().clone();
        sizes[0] = rows;
        try (Tensor like = Tensor.lentBy(first)) {
            NDArray array = Tensor.empty(type, like, sizes).toArray(manager);
            return new Shadow(parameters, array);
        }
    }

    /** Followed by autograd if a parameter is: they may be frozen and thawed between steps. */
    NDArray array() {
        if (trained != parameters.stream().anyMatch(Parameter::requiresGradient)) {
            trained = !trained;
            array.setRequiresGradient(trained);
        }
        return array;
    }

    /** Lists the parameters beside their places here. */
    List<Twin> values() {
        return twins(Parameter::getArray, array);
    }

    /** Lists FLOAT32 gradients beside those here; none if there are none yet. */
    List<Twin> gradients(Function<Parameter, NDArray> full) {
        if (gradient == null) {
            gradient = Autograd.gradient(array).orElse(null);
        }
        return gradient == null ? List.of() : twins(full, gradient);
    }

    private List<Twin> twins(Function<Parameter, NDArray> full, NDArray low) {
        List<Twin> twins = new ArrayList<>(parameters.size());
        long offset = 0;
        for (Parameter parameter : parameters) {
            twins.add(new Twin(full.apply(parameter), low, offset));
            offset += parameter.getShape().size();
        }
        return twins;
    }
}
