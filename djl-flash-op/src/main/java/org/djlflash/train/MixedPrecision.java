package org.djlflash.train;

import ai.djl.Device;
import ai.djl.Model;
import ai.djl.ndarray.types.DataType;
import ai.djl.nn.Block;
import ai.djl.nn.Parameter;
import ai.djl.training.TrainingConfig;
import ai.djl.training.initializer.Initializer;
import ai.djl.util.Pair;
import java.util.Arrays;
import java.util.function.Predicate;
import org.djlflash.torch.ScalarType;

/**
 * How to train with less time and memory than FLOAT32 takes, in place of {@link
 * Model#newTrainer(TrainingConfig)}:
 *
 * <pre>{@code
 * MixedPrecision precision = MixedPrecision.builder().optClipNorm(1).build();
 * try (Trainer trainer = precision.newTrainer(model, config)) {
 *     trainer.initialize(shape);
 *     EasyTrain.fit(trainer, epochs, dataset, null);
 * }
 * }</pre>
 *
 * <p>Parameters, their gradients and the optimizer's state stay FLOAT32. In our blocks, linear
 * layers, activations, attention and embeddings run in 16 bits, on copies of the parameters made
 * once a step; normalisations, the sums of residuals, the softmax and the loss run in FLOAT32.
 * Other blocks run in FLOAT32 as ever, so that models may mix both. The fastest optimizer is {@link
 * FusedAdamW}; every other one works. Values that something else puts into the parameters between
 * two passes, such as loaded ones, are used in 16 bits from the next update on: load before
 * training.
 *
 * <p>Immutable.
 *
 * @see <a href="https://arxiv.org/abs/1710.03740">Micikevicius et al., Mixed Precision Training,
 *     section 3</a>
 */
public final class MixedPrecision {

    private final DataType computeType;
    private final int accumulation;
    private final float clipNorm;
    private final boolean recompute;
    private final float initialScale;
    private final int growthInterval;

    private MixedPrecision(Builder builder) {
        computeType = builder.computeType;
        accumulation = builder.accumulation;
        clipNorm = builder.clipNorm;
        recompute = builder.recompute;
        initialScale = builder.initialScale;
        growthInterval = builder.growthInterval;
    }

    /**
     * Returns a new builder.
     *
     * @return the builder
     */
    public static Builder builder() {
        return new Builder();
    }

    /** Returns the type to compute in, or null for that of the parameters. */
    ScalarType scalarType() {
        return computeType == DataType.FLOAT32 ? null : ScalarType.of(computeType);
    }

    int accumulation() {
        return accumulation;
    }

    /** Returns the largest norm of all gradients together, infinity without a limit. */
    float clipNorm() {
        return clipNorm;
    }

    boolean recompute() {
        return recompute;
    }

    /** Returns a new loss scale, or null where none is needed. */
    LossScale newLossScale() {
        return computeType == DataType.FLOAT16 ? new LossScale(initialScale, growthInterval) : null;
    }

    /**
     * Creates a trainer.
     *
     * @param model the model, whose block is set and whose parameters are FLOAT32
     * @param config what to train with, on one device, which is the model's
     * @return the trainer
     * @throws IllegalStateException if the model has no block
     * @throws IllegalArgumentException if there are several devices, or another one
     */
    public MixedPrecisionTrainer newTrainer(Model model, TrainingConfig config) {
        Block block = model.getBlock();
        if (block == null) {
            throw new IllegalStateException("the model has no block, set one first");
        }
        Device[] devices = config.getDevices();
        Device device = model.getNDManager().getDevice();
        if (devices.length != 1 || !devices[0].equals(device)) {
            throw new IllegalArgumentException(
                    "training on "
                            + Arrays.toString(devices)
                            + ", allowed is the model's device alone: "
                            + device);
        }
        // A model that was loaded has only frozen parameters; DJL's own trainer thaws them, too.
        if (block.getParameters().values().stream().noneMatch(Parameter::requiresGradient)) {
            block.freezeParameters(false);
        }
        for (Pair<Initializer, Predicate<Parameter>> pair : config.getInitializers()) {
            if (pair.getKey() != null && pair.getValue() != null) {
                block.setInitializer(pair.getKey(), pair.getValue());
            }
        }
        return new MixedPrecisionTrainer(model, config, this);
    }

    /** The builder of {@link MixedPrecision}. */
    public static final class Builder {

        private DataType computeType = DataType.BFLOAT16;
        private int accumulation = 1;
        private float clipNorm = Float.POSITIVE_INFINITY;
        private boolean recompute;
        private float initialScale = 1 << 16;
        private int growthInterval = 2000;

        private Builder() {}

        /**
         * Sets the type to compute in (default BFLOAT16).
         *
         * @param computeType BFLOAT16; FLOAT16, which is more precise, but of so small a range that
         *     the loss is scaled, and steps whose gradients overflow are left out; or FLOAT32, to
         *     convert nothing
         * @return this builder
         * @throws IllegalArgumentException if it is another
         */
        public Builder optComputeType(DataType computeType) {
            if (computeType != DataType.BFLOAT16
                    && computeType != DataType.FLOAT16
                    && computeType != DataType.FLOAT32) {
                throw new IllegalArgumentException(
                        "compute type "
                                + computeType
                                + ", allowed are bfloat16, float16 and float32");
            }
            this.computeType = computeType;
            return this;
        }

        /**
         * Sets how many batches make an update (default 1): their losses are averaged, as that of
         * one larger batch is, with the memory of one.
         *
         * @param batches at least 1
         * @return this builder
         * @throws IllegalArgumentException if it is less
         */
        public Builder optAccumulation(int batches) {
            if (batches < 1) {
                throw new IllegalArgumentException(
                        batches + " batches an update, allowed is 1 or more");
            }
            this.accumulation = batches;
            return this;
        }

        /**
         * Limits the norm of all gradients together (default: no limit): where it is larger, all
         * are scaled down to it. An update whose norm is not finite is left out.
         *
         * @param norm more than 0
         * @return this builder
         * @throws IllegalArgumentException if it is not
         */
        public Builder optClipNorm(float norm) {
            if (!(norm > 0)) {
                throw new IllegalArgumentException("norm " + norm + ", allowed is more than 0");
            }
            this.clipNorm = norm;
            return this;
        }

        /**
         * Sets whether layers of our blocks keep nothing but their inputs for backward, which
         * computes the rest again (default: false): less memory for a third more computing.
         *
         * @param recompute whether layers are computed again
         * @return this builder
         * @see Recomputation
         */
        public Builder optRecompute(boolean recompute) {
            this.recompute = recompute;
            return this;
        }

        /**
         * Sets the factor of the loss to begin with in FLOAT16 (default 65536).
         *
         * @param scale finite, at least 1
         * @return this builder
         * @throws IllegalArgumentException if it is not
         */
        public Builder optInitialScale(float scale) {
            if (!(scale >= 1 && scale <= Float.MAX_VALUE)) {
                throw new IllegalArgumentException(
                        "loss scale " + scale + ", allowed is 1 or more, and finite");
            }
            this.initialScale = scale;
            return this;
        }

        /**
         * Sets after how many good updates the factor of the loss doubles in FLOAT16 (default
         * 2000).
         *
         * @param updates at least 1
         * @return this builder
         * @throws IllegalArgumentException if it is less
         */
        public Builder optGrowthInterval(int updates) {
            if (updates < 1) {
                throw new IllegalArgumentException(
                        "growth interval " + updates + ", allowed is 1 or more");
            }
            this.growthInterval = updates;
            return this;
        }

        /**
         * Builds the settings.
         *
         * @return the settings
         */
        public MixedPrecision build() {
            return new MixedPrecision(this);
        }
    }
}
