package org.djlflash.train;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.training.optimizer.Optimizer;
import ai.djl.training.tracker.ParameterTracker;
import ai.djl.training.tracker.Tracker;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.djlflash.torch.Tensor;

/**
 * AdamW as DJL computes it, in place of {@link ai.djl.training.optimizer.AdamW}. A {@link
 * MixedPrecisionTrainer} updates all parameters in one launch on CUDA; DJL's own trainer, one by
 * one. With a weight decay of 0 it is Adam.
 *
 * <p>Parameters must be FLOAT32 and contiguous. For one thread.
 *
 * @see <a href="https://arxiv.org/abs/1711.05101">Loshchilov and Hutter, Decoupled Weight Decay
 *     Regularization, algorithm 2</a>
 */
public final class FusedAdamW extends Optimizer {

    private static final int VERSION = 1;

    private final ParameterTracker learningRate;
    private final float beta1;
    private final float beta2;
    private final float epsilon;

    private final Map<String, Moments> moments = new HashMap<>();
    private final Map<String, Integer> steps = new HashMap<>();

    private FusedAdamW(Builder builder) {
        super(builder);
        if (clipGrad >= 0) {
            throw new IllegalArgumentException(
                    "clipGrad "
                            + clipGrad
                            + ", allowed is none: DJL's clips one side only; MixedPrecision limits"
                            + " the norm");
        }
        learningRate = builder.learningRate;
        beta1 = builder.beta1;
        beta2 = builder.beta2;
        epsilon = builder.epsilon;
    }

    /**
     * Returns a new builder.
     *
     * @return the builder
     */
    public static Builder builder() {
        return new Builder();
    }

    /** {@inheritDoc} */
    @Override
    public void update(String parameterId, NDArray weight, NDArray grad) {
        update(List.of(new Gradient(parameterId, weight, grad)), null, 1);
    }

    /** A launch: what has the same learning rate and as many steps behind it. */
    private record Launch(float rate, int step) {}

    /**
     * Updates parameters and sets their gradients to zero.
     *
     * @param gradients the gradients
     * @param factor see {@link UpdateMath#adamW}
     * @param scale what gradients are multiplied by in addition
     */
    void update(List<Gradient> gradients, NDArray factor, float scale) {
        Map<Launch, List<Gradient>> launches = new LinkedHashMap<>();
        for (Gradient gradient : gradients) {
            int step = steps.merge(gradient.id(), 1, Integer::sum);
            float rate = learningRate.getNewValue(gradient.id(), step);
            launches.computeIfAbsent(new Launch(rate, step), key -> new ArrayList<>())
                    .add(gradient);
        }
        launches.forEach(
                (launch, part) -> {
                    List<Moments> own = new ArrayList<>(part.size());
                    part.forEach(gradient -> own.add(moments(gradient)));
                    UpdateMath.on(part.get(0).weight().getDevice())
                            .adamW(
                                    part,
                                    own,
                                    factor,
                                    scale * rescaleGrad,
                                    AdamWRule.of(
                                            launch.step(),
                                            launch.rate(),
                                            getWeightDecay(),
                                            beta1,
                                            beta2,
                                            epsilon));
                });
    }

    private Moments moments(Gradient gradient) {
        return moments.computeIfAbsent(gradient.id(), id -> Moments.of(gradient.weight()));
    }

    /**
     * Writes what is remembered of the gradients, so that a training can go on from a checkpoint.
     *
     * @param parameterIds the ids of the parameters, in an order that is the same when reading: ids
     *     differ from process to process
     * @param out where to write
     * @throws IOException if writing fails
     */
    public void save(List<String> parameterIds, DataOutputStream out) throws IOException {
        out.writeInt(VERSION);
        out.writeInt(parameterIds.size());
        for (String id : parameterIds) {
            Moments own = moments.get(id);
            out.writeInt(own == null ? 0 : steps.get(id));
            if (own != null) {
                byte[] arrays = encode(own);
                out.writeInt(arrays.length);
                out.write(arrays);
            }
        }
    }

    /** What is copied from a GPU on the way would stay with the manager of the arrays. */
    private static byte[] encode(Moments moments) {
        try (NDManager scope = moments.mean().getManager().newSubManager()) {
            return new NDList(
                            Tensor.of(moments.mean()).toArray(scope),
                            Tensor.of(moments.variance()).toArray(scope))
                    .encode();
        }
    }

    /**
     * Reads what {@link #save} wrote, in place of what is remembered.
     *
     * @param parameters the parameters' values by their ids, in the order of writing
     * @param in where to read
     * @throws IOException if reading fails or what is read is not of these parameters
     */
    public void load(LinkedHashMap<String, NDArray> parameters, DataInputStream in)
            throws IOException {
        int version = in.readInt();
        int count = in.readInt();
        if (version != VERSION || count != parameters.size()) {
            throw new IOException(
                    "optimizer state of version "
                            + version
                            + " with "
                            + count
                            + " parameters, allowed is version "
                            + VERSION
                            + " with "
                            + parameters.size());
        }
        moments.values().forEach(Moments::close);
        moments.clear();
        steps.clear();
        for (Map.Entry<String, NDArray> parameter : parameters.entrySet()) {
            int step = in.readInt();
            if (step > 0) {
                moments.put(parameter.getKey(), read(parameter.getValue(), in));
                steps.put(parameter.getKey(), step);
            }
        }
    }

    private static Moments read(NDArray weight, DataInputStream in) throws IOException {
        NDList arrays;
        try {
            arrays = NDList.decode(weight.getManager(), in.readNBytes(in.readInt()));
        } catch (IllegalArgumentException e) {
            throw new IOException("optimizer state is damaged", e);
        }
        if (arrays.size() != 2 || !fits(arrays.get(0), weight) || !fits(arrays.get(1), weight)) {
            arrays.close();
            throw new IOException(
                    "optimizer state is not of a parameter of shape " + weight.getShape());
        }
        return new Moments(arrays.get(0), arrays.get(1));
    }

    private static boolean fits(NDArray moment, NDArray weight) {
        return moment.getDataType() == DataType.FLOAT32
                && moment.getShape().equals(weight.getShape());
    }

    /** The builder of {@link FusedAdamW}. */
    public static final class Builder extends OptimizerBuilder<Builder> {

        private ParameterTracker learningRate = Tracker.fixed(0.001f);
        private float beta1 = 0.9f;
        private float beta2 = 0.999f;
        private float epsilon = 1e-8f;

        private Builder() {
            optWeightDecays(0.01f);
        }

        /** {@inheritDoc} */
        @Override
        protected Builder self() {
            return this;
        }

        /**
         * Sets the learning rate (default 0.001).
         *
         * @param tracker gives it for each update
         * @return this builder
         */
        public Builder optLearningRateTracker(ParameterTracker tracker) {
            this.learningRate = tracker;
            return this;
        }

        /**
         * Sets how much of the mean of gradients is kept (default 0.9).
         *
         * @param beta1 from 0 (included) to 1 (excluded)
         * @return this builder
         */
        public Builder optBeta1(float beta1) {
            this.beta1 = checkShare(beta1);
            return this;
        }

        /**
         * Sets how much of the mean of squares is kept (default 0.999).
         *
         * @param beta2 from 0 (included) to 1 (excluded)
         * @return this builder
         */
        public Builder optBeta2(float beta2) {
            this.beta2 = checkShare(beta2);
            return this;
        }

        private static float checkShare(float share) {
            if (!(share >= 0 && share < 1)) {
                throw new IllegalArgumentException(
                        "beta " + share + ", allowed is 0 or more and less than 1");
            }
            return share;
        }

        /**
         * Sets what is added to the root of the mean of squares (default 1e-8).
         *
         * @param epsilon more than 0
         * @return this builder
         */
        public Builder optEpsilon(float epsilon) {
            if (!(epsilon > 0)) {
                throw new IllegalArgumentException(
                        "epsilon " + epsilon + ", allowed is more than 0");
            }
            this.epsilon = epsilon;
            return this;
        }

        /**
         * Builds the optimizer.
         *
         * @return the optimizer
         * @throws IllegalArgumentException if {@code optClipGrad} was called
         */
        public FusedAdamW build() {
            return new FusedAdamW(this);
        }
    }
}
