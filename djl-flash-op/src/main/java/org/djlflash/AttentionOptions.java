package org.djlflash;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.DataType;
import java.util.Arrays;
import java.util.Optional;
import java.util.OptionalDouble;
import org.djlflash.backend.ArrayCheck;

/**
 * What a call of {@link FlashAttention} computes, beside its arrays.
 *
 * <p>Output = dropout(softmax(scale &middot; Q K<sup>T</sup> + bias)) V, where the softmax goes
 * over the keys that a query sees: those that the causal alignment, the key lengths and the mask
 * all allow. A query that sees nothing gives 0, and its gradients are 0.
 *
 * <p>Keys and values beyond a row's key length may hold anything, also NaN. Those hidden by the
 * alignment, the mask or the bias must be finite: they are weighted with 0, and 0 times NaN is NaN.
 *
 * <p>The arrays named here stay the caller's. Immutable, and as safe for use by many threads as
 * those arrays are.
 *
 * @see <a href="https://arxiv.org/abs/1706.03762">Vaswani et al., Attention Is All You Need,
 *     section 3.2.1</a>
 */
public final class AttentionOptions {

    private static final AttentionOptions DEFAULTS = builder().build();

    private static final int MOST_SPLITS = 512;

    private final OptionalDouble scale;
    private final CausalAlignment causal;
    private final AttentionLayout layout;
    private final long[] keyLengths;
    private final NDArray mask;
    private final NDArray bias;
    private final float dropout;
    private final DataType computeType;
    private final boolean deterministic;
    private final int splits;
    private final Backend backend;

    private AttentionOptions(Builder builder) {
        scale = builder.scale;
        causal = builder.causal;
        layout = builder.layout;
        keyLengths = builder.keyLengths;
        mask = builder.mask;
        bias = builder.bias;
        dropout = builder.dropout;
        computeType = builder.computeType;
        deterministic = builder.deterministic;
        splits = builder.splits;
        backend = builder.backend;
    }

    /**
     * Returns a new builder.
     *
     * @return the builder
     */
    public static Builder builder() {
        return new Builder();
    }

    /**
     * Returns the options of plain attention: every query sees every key.
     *
     * @return the options
     */
    public static AttentionOptions defaults() {
        return DEFAULTS;
    }

    OptionalDouble scale() {
        return scale;
    }

    CausalAlignment causal() {
        return causal;
    }

    AttentionLayout layout() {
        return layout;
    }

    /** Null when every key counts. */
    long[] keyLengths() {
        return keyLengths;
    }

    Optional<NDArray> mask() {
        return Optional.ofNullable(mask);
    }

    Optional<NDArray> bias() {
        return Optional.ofNullable(bias);
    }

    float dropout() {
        return dropout;
    }

    Optional<DataType> computeType() {
        return Optional.ofNullable(computeType);
    }

    boolean deterministic() {
        return deterministic;
    }

    int splits() {
        return splits;
    }

    Optional<Backend> backend() {
        return Optional.ofNullable(backend);
    }

    /** The builder of {@link AttentionOptions}. */
    public static final class Builder {

        private OptionalDouble scale = OptionalDouble.empty();
        private CausalAlignment causal = CausalAlignment.NONE;
        private AttentionLayout layout = AttentionLayout.BNTH;
        private long[] keyLengths;
        private NDArray mask;
        private NDArray bias;
        private float dropout;
        private DataType computeType;
        private boolean deterministic;
        private int splits;
        private Backend backend;

        private Builder() {}

        /**
         * Sets the factor of the scores (default 1 / &radic;H).
         *
         * @param scale a finite number
         * @return this builder
         * @throws IllegalArgumentException if it is not finite
         */
        public Builder optScale(double scale) {
            if (!Double.isFinite(scale)) {
                throw new IllegalArgumentException(
                        "scale " + scale + ", allowed are finite numbers");
            }
            this.scale = OptionalDouble.of(scale);
            return this;
        }

        /**
         * Makes the last query see every key and each earlier query one key less, or lets every
         * query see every key (the default).
         *
         * @param causal true for {@link CausalAlignment#BOTTOM_RIGHT}
         * @return this builder
         */
        public Builder optCausal(boolean causal) {
            return optCausal(causal ? CausalAlignment.BOTTOM_RIGHT : CausalAlignment.NONE);
        }

        /**
         * Sets where the diagonal of the causal mask lies (default: none).
         *
         * @param alignment the alignment
         * @return this builder
         * @throws IllegalArgumentException if it is null
         */
        public Builder optCausal(CausalAlignment alignment) {
            requireGiven("causal alignment", alignment, Arrays.toString(CausalAlignment.values()));
            this.causal = alignment;
            return this;
        }

        /**
         * Sets the order of the arrays' dimensions (default {@link AttentionLayout#BNTH}).
         *
         * @param layout the layout
         * @return this builder
         * @throws IllegalArgumentException if it is null
         */
        public Builder optLayout(AttentionLayout layout) {
            requireGiven("layout", layout, Arrays.toString(AttentionLayout.values()));
            this.layout = layout;
            return this;
        }

        /**
         * Sets how many keys count in each batch row; what the others hold never matters.
         *
         * @param lengths B numbers from 0 to F
         * @return this builder
         * @throws IllegalArgumentException if it is null
         */
        public Builder optKeyLengths(long... lengths) {
            requireGiven("key lengths", lengths, "one for each batch row");
            this.keyLengths = lengths.clone();
            return this;
        }

        /**
         * Sets how many keys count in each batch row; what the others hold never matters.
         *
         * <p>The numbers are read at once. On a GPU that waits for the device: give them as
         * numbers, or use a {@link org.djlflash.kv.KvCache}, where that matters.
         *
         * @param lengths INT32 or INT64, shape (B), numbers from 0 to F
         * @return this builder
         * @throws IllegalArgumentException if type or rank is another
         * @throws IllegalStateException if the array is closed
         */
        public Builder optKeyLengths(NDArray lengths) {
            ArrayCheck.usable("key lengths", lengths);
            if (lengths.getShape().dimension() != 1) {
                throw new IllegalArgumentException(
                        "key lengths of shape " + lengths.getShape() + ", allowed is (B)");
            }
            switch (lengths.getDataType()) {
                case INT32:
                    return optKeyLengths(
                            Arrays.stream(lengths.toIntArray()).asLongStream().toArray());
                case INT64:
                    return optKeyLengths(lengths.toLongArray());
                default:
                    throw new IllegalArgumentException(
                            "key lengths of type "
                                    + lengths.getDataType()
                                    + ", allowed are int32 and int64");
            }
        }

        /**
         * Sets which keys each query may see (default: all).
         *
         * @param mask BOOLEAN, true where a query sees a key, broadcastable to (B, N, T, F); null
         *     for none
         * @return this builder
         */
        public Builder optMask(NDArray mask) {
            this.mask = mask;
            return this;
        }

        /**
         * Sets what is added to the scaled scores (default: nothing). Gradients flow into it. Minus
         * infinity hides a key.
         *
         * @param bias of the queries' data type, broadcastable to (B, N, T, F); null for none
         * @return this builder
         */
        public Builder optBias(NDArray bias) {
            this.bias = bias;
            return this;
        }

        /**
         * Sets the share of attention probabilities that are set to zero, the others being scaled
         * up (default 0). It acts in every call: leave it out when inferring.
         *
         * @param rate from 0 (included) to 1 (excluded)
         * @return this builder
         * @throws IllegalArgumentException if it is outside
         */
        public Builder optDropout(float rate) {
            if (!(rate >= 0 && rate < 1)) {
                throw new IllegalArgumentException(
                        "dropout " + rate + ", allowed is 0 (included) to 1 (excluded)");
            }
            this.dropout = rate;
            return this;
        }

        /**
         * Sets the type that scores and values are multiplied in (default: that of the arrays); the
         * conversions are part of the operator and differentiable.
         *
         * @param type FLOAT16, BFLOAT16, FLOAT32 or FLOAT64
         * @return this builder
         * @throws IllegalArgumentException if it is another
         */
        public Builder optComputeType(DataType type) {
            if (!AttentionRequest.COMPUTE_TYPES.contains(type)) {
                throw new IllegalArgumentException(
                        "compute type " + type + ", allowed are " + AttentionRequest.COMPUTE_TYPES);
            }
            this.computeType = type;
            return this;
        }

        /**
         * Demands bitwise equal results and gradients for equal inputs (default: not).
         *
         * @param deterministic true to demand it
         * @return this builder
         */
        public Builder optDeterministic(boolean deterministic) {
            this.deterministic = deterministic;
            return this;
        }

        /**
         * Fixes into how many parts our CUDA kernels cut the keys of a row when there are few
         * queries (default 0: what suits the GPU). The parts decide in which order sums are added
         * up: with a number of one's own, a row's result is bitwise the same whatever rows it is
         * computed together with. Elsewhere it makes no difference.
         *
         * @param splits 1 to 512, or 0
         * @return this builder
         * @throws IllegalArgumentException if it is none of these
         */
        public Builder optSplits(int splits) {
            if (splits < 0 || splits > MOST_SPLITS) {
                throw new IllegalArgumentException(
                        "splits " + splits + ", allowed is 0 to " + MOST_SPLITS);
            }
            this.splits = splits;
            return this;
        }

        /**
         * Demands a backend (default: the first that fits).
         *
         * @param backend the backend; null for the first that fits
         * @return this builder
         */
        public Builder optBackend(Backend backend) {
            this.backend = backend;
            return this;
        }

        /**
         * Builds the options.
         *
         * @return the options
         * @throws IllegalArgumentException if the options contradict each other
         */
        public AttentionOptions build() {
            if (causal == CausalAlignment.ROW_LENGTH && keyLengths == null) {
                throw new IllegalArgumentException(
                        "causal alignment ROW_LENGTH needs key lengths, found none");
            }
            return new AttentionOptions(this);
        }

        private static void requireGiven(String name, Object value, String allowed) {
            if (value == null) {
                throw new IllegalArgumentException(name + " null, allowed are " + allowed);
            }
        }
    }
}
