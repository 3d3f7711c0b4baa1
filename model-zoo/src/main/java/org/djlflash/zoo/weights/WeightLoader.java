package org.djlflash.zoo.weights;

import ai.djl.MalformedModelException;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.nn.Parameter;
import ai.djl.util.Progress;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Fills the parameters of a block from a checkpoint: all of them, or none. Every binding is checked
 * before anything is read, and everything is read before the first parameter changes.
 *
 * <p>A parameter may be initialised or not. Its old array is closed; the new one requires a
 * gradient if the old one did. Immutable, except for the progress it reports to.
 */
public final class WeightLoader {

    private static final Logger logger = LoggerFactory.getLogger(WeightLoader.class);

    private static final int MAX_NAMED = 20;

    private final DataType dataType;
    private final Predicate<String> ignored;
    private final boolean strict;
    private final Progress progress;

    private WeightLoader(Builder builder) {
        dataType = builder.dataType;
        ignored = builder.ignored;
        strict = builder.strict;
        progress = builder.progress;
    }

    /**
     * Creates a builder.
     *
     * @return a new builder
     */
    public static Builder builder() {
        return new Builder();
    }

    /**
     * Fills parameters.
     *
     * @param checkpoint the weights
     * @param bindings which tensor goes where
     * @param manager the manager that owns the arrays; its device is theirs
     * @throws IllegalArgumentException if a parameter is bound twice
     * @throws MalformedModelException if tensors are missing or do not fit, or, for a strict
     *     loader, if there are more than expected
     * @throws IOException if the weights cannot be read
     */
    public void load(Checkpoint checkpoint, List<WeightBinding> bindings, NDManager manager)
            throws IOException, MalformedModelException {
        checkBoundOnce(bindings);
        checkFit(checkpoint.tensors(), bindings);
        checkExtras(checkpoint.tensors(), bindings);
        try (NDManager staging = manager.newSubManager()) {
            List<NDArray> arrays = read(checkpoint, bindings, staging);
            for (int i = 0; i < arrays.size(); i++) {
                arrays.get(i).attach(manager);
                replace(bindings.get(i).parameter(), arrays.get(i));
            }
        }
    }

    private static void checkBoundOnce(List<WeightBinding> bindings) {
        Set<Parameter> seen = Collections.newSetFromMap(new IdentityHashMap<>());
        for (WeightBinding binding : bindings) {
            if (!seen.add(binding.parameter())) {
                throw new IllegalArgumentException(
                        String.format(
                                "parameter %s is bound twice, the second time to \"%s\"",
                                binding.parameter().getName(), binding.tensorName()));
            }
        }
    }

    private static void checkFit(Map<String, TensorInfo> tensors, List<WeightBinding> bindings)
            throws MalformedModelException {
        List<String> misfits =
                bindings.stream()
                        .map(binding -> misfit(binding, tensors.get(binding.tensorName())))
                        .filter(Objects::nonNull)
                        .toList();
        if (!misfits.isEmpty()) {
            throw new MalformedModelException(
                    String.format(
                            "%d of %d weights do not fit: %s",
                            misfits.size(), bindings.size(), firstOf(misfits, "; ")));
        }
    }

    private static String misfit(WeightBinding binding, TensorInfo info) {
        String names =
                String.format(
                        "\"%s\" for parameter %s",
                        binding.tensorName(), binding.parameter().getName());
        if (info == null) {
            return names + " is missing";
        }
        if (!info.dtype().isReadable()) {
            return names + " is " + info.dtype() + ", must be F64, F32, F16 or BF16";
        }
        if (!info.shape().equals(binding.tensorShape())) {
            return String.format(
                    "%s of shape %s has shape %s, must have %s",
                    names, binding.shape(), info.shape(), binding.tensorShape());
        }
        return null;
    }

    private void checkExtras(Map<String, TensorInfo> tensors, List<WeightBinding> bindings)
            throws MalformedModelException {
        Set<String> bound =
                bindings.stream().map(WeightBinding::tensorName).collect(Collectors.toSet());
        List<String> extras =
                tensors.keySet().stream()
                        .filter(name -> !bound.contains(name) && !ignored.test(name))
                        .toList();
        if (extras.isEmpty()) {
            return;
        }
        String found =
                String.format(
                        "no parameter takes %d of the tensors: %s",
                        extras.size(), firstOf(extras, ", "));
        if (strict) {
            throw new MalformedModelException(found);
        }
        logger.warn(found);
    }

    private List<NDArray> read(
            Checkpoint checkpoint, List<WeightBinding> bindings, NDManager staging)
            throws IOException, MalformedModelException {
        if (progress != null) {
            progress.reset("Loading weights", bindings.size());
            progress.start(0);
        }
        List<NDArray> arrays = new ArrayList<>(bindings.size());
        for (WeightBinding binding : bindings) {
            NDArray tensor = checkpoint.read(staging, binding.tensorName(), dataType);
            arrays.add(binding.transpose() ? transpose(tensor) : tensor);
            if (progress != null) {
                progress.increment(1);
            }
        }
        if (progress != null) {
            progress.end();
        }
        return arrays;
    }

    private static NDArray transpose(NDArray matrix) {
        // A transposed view, or a copy of one, would keep its strides; to flatten it is to copy it
        // row by row.
        try (matrix;
                NDArray view = matrix.transpose();
                NDArray rows = view.flatten()) {
            return rows.reshape(view.getShape());
        }
    }

    private static void replace(Parameter parameter, NDArray array) {
        if (parameter.isInitialized()) {
            array.setRequiresGradient(parameter.getArray().hasGradient());
            parameter.close();
        }
        // A parameter takes an array only while it has no shape.
        parameter.setShape(null);
        parameter.setArray(array);
    }

    private static String firstOf(List<String> items, String separator) {
        String text = items.stream().limit(MAX_NAMED).collect(Collectors.joining(separator));
        return items.size() <= MAX_NAMED
                ? text
                : text + separator + "and " + (items.size() - MAX_NAMED) + " more";
    }

    /** Builds a {@link WeightLoader}. */
    public static final class Builder {

        private DataType dataType = DataType.FLOAT32;
        private Predicate<String> ignored = name -> false;
        private boolean strict;
        private Progress progress;

        private Builder() {}

        /**
         * Sets the type of the parameters.
         *
         * @param dataType FLOAT32, the default, or FLOAT16
         * @return this builder
         * @throws IllegalArgumentException if it is another type
         */
        public Builder optDataType(DataType dataType) {
            if (dataType != DataType.FLOAT32 && dataType != DataType.FLOAT16) {
                throw new IllegalArgumentException(
                        "parameters are FLOAT32 or FLOAT16, found " + dataType);
            }
            this.dataType = dataType;
            return this;
        }

        /**
         * Sets which tensors may be left over without a word, such as buffers and tied weights.
         *
         * @param ignored true for the name of such a tensor
         * @return this builder
         */
        public Builder optIgnored(Predicate<String> ignored) {
            this.ignored = ignored;
            return this;
        }

        /**
         * Sets whether other tensors that are left over are an error instead of a warning.
         *
         * @param strict true for an error
         * @return this builder
         */
        public Builder optStrict(boolean strict) {
            this.strict = strict;
            return this;
        }

        /**
         * Sets what is told about every tensor that has been read.
         *
         * @param progress the progress
         * @return this builder
         */
        public Builder optProgress(Progress progress) {
            this.progress = progress;
            return this;
        }

        /**
         * Builds the loader.
         *
         * @return the loader
         */
        public WeightLoader build() {
            return new WeightLoader(this);
        }
    }
}
