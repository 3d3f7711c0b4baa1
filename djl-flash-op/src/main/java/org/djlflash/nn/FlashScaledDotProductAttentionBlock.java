package org.djlflash.nn;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Block;
import ai.djl.nn.core.Linear;
import ai.djl.nn.norm.Dropout;
import ai.djl.training.ParameterStore;
import ai.djl.util.PairList;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.djlflash.AttentionLayout;
import org.djlflash.AttentionOptions;
import org.djlflash.FlashAttention;
import org.djlflash.train.Precision;

/**
 * Multi-head attention between four projections, in place of DJL's {@link
 * ai.djl.nn.transformer.ScaledDotProductAttentionBlock}.
 *
 * <p>Letters as there: B batch size, E embedding size, N heads, H = E / N head size, F keys, T
 * queries. Inputs, by their number:
 *
 * <ol>
 *   <li>[x (B, F, E)]: x attends to itself
 *   <li>[x (B, F, E), mask]
 *   <li>[keys (B, F, E), queries (B, T, E), values (B, F, E)], keys first
 *   <li>[keys, queries, values, mask]
 * </ol>
 *
 * <p>The output is of shape (B, T, E). All but the mask must be FLOAT32; so are the parameters.
 *
 * <p>A mask of rank 4 is added to the scores as it is and must be broadcastable to (B, N, T, F);
 * numbers of other types are converted to FLOAT32 first. A mask of any other rank holds B &middot;
 * T &middot; F numbers, 1 for a key to keep and 0 for one to drop. By default it lowers the scores
 * of the keys to drop by 100000, as in DJL's block: that drops them as long as a query has other
 * keys, but a query that has none attends to all keys. See {@link Builder#optMaskedRowsZero}.
 *
 * <p>Dropout acts in training alone. Results and gradients equal those of DJL's block up to
 * rounding. Safe for inference by many threads, each with its own {@link ParameterStore}, as every
 * {@code Predictor} has.
 *
 * <p>Bad inputs make {@code IllegalArgumentException}.
 *
 * @see <a href="https://arxiv.org/abs/1706.03762">Vaswani et al., Attention Is All You Need,
 *     section 3.2.2</a>
 */
public final class FlashScaledDotProductAttentionBlock extends Float32Block {

    private static final float DROP = 100000f;
    private static final int LARGEST_HALF = 65504;
    private static final int EMBEDDING_AXIS = 2;

    private final int embeddingSize;
    private final int headCount;
    private final float dropout;
    private final boolean maskedRowsZero;
    private final boolean causal;
    private final DataType computeType;

    private final Linear keyProjection;
    private final Linear queryProjection;
    private final Linear valueProjection;
    private final Linear resultProjection;

    private FlashScaledDotProductAttentionBlock(Builder builder) {
        embeddingSize = builder.embeddingSize;
        headCount = builder.headCount;
        dropout = builder.attentionProbsDropoutProb;
        maskedRowsZero = builder.maskedRowsZero;
        causal = builder.causal;
        computeType = builder.computeType;
        keyProjection = addChildBlock("keyProjection", projection());
        queryProjection = addChildBlock("queryProjection", projection());
        valueProjection = addChildBlock("valueProjection", projection());
        resultProjection = addChildBlock("resultProjection", projection());
        // The operator drops out; the child is there because DJL's files have one.
        addChildBlock("probabilityDropout", Dropout.builder().optRate(dropout).build());
    }

    private Linear projection() {
        return Linear.builder().setUnits(embeddingSize).build();
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
     * Returns the projection of the keys.
     *
     * @return the projection
     */
    public Linear getKeyProjection() {
        return keyProjection;
    }

    /**
     * Returns the projection of the queries.
     *
     * @return the projection
     */
    public Linear getQueryProjection() {
        return queryProjection;
    }

    /**
     * Returns the projection of the values.
     *
     * @return the projection
     */
    public Linear getValueProjection() {
        return valueProjection;
    }

    /**
     * Returns the projection of what the heads found, side by side.
     *
     * @return the projection
     */
    public Linear getResultProjection() {
        return resultProjection;
    }

    @Override
    List<Shape> parameterShapes() {
        List<Shape> shapes = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            shapes.add(new Shape(embeddingSize, embeddingSize));
            shapes.add(new Shape(embeddingSize));
        }
        return Collections.unmodifiableList(shapes);
    }

    /** {@inheritDoc} */
    @Override
    public Shape[] getOutputShapes(Shape[] inputShapes) {
        checkCount(inputShapes.length);
        return new Shape[] {inputShapes[queryIndex(inputShapes.length)]};
    }

    /** {@inheritDoc} */
    @Override
    protected void initializeChildBlocks(
            NDManager manager, DataType dataType, Shape... inputShapes) {
        for (Block child : children.values()) {
            child.initialize(manager, dataType, new Shape(-1, embeddingSize));
        }
    }

    /** {@inheritDoc} */
    @Override
    protected NDList forwardInternal(
            ParameterStore ps, NDList inputs, boolean training, PairList<String, Object> params) {
        checkInputs(inputs);
        NDManager owner = inputs.get(queryIndex(inputs.size())).getManager();
        return Scoped.compute(
                owner,
                inputs,
                scoped -> new NDList(Precision.raise(ps, attend(ps, scoped, training))));
    }

    /**
     * Attends in the type that matrices are multiplied in.
     *
     * @return shaped as the queries, in that type
     */
    NDArray attend(ParameterStore ps, NDList inputs, boolean training) {
        NDArray keys = inputs.head();
        NDArray queries = inputs.get(queryIndex(inputs.size()));
        NDArray values = inputs.get(valueIndex(inputs.size()));
        AttentionOptions.Builder options =
                AttentionOptions.builder()
                        .optLayout(AttentionLayout.BTNH)
                        .optCausal(causal)
                        .optDropout(training ? dropout : 0);
        if (computeType != null) {
            options.optComputeType(computeType);
        }
        if (hasMask(inputs.size())) {
            NDArray mask = rank4(inputs.get(inputs.size() - 1), queries, keys);
            if (mask.getDataType().isBoolean() && maskedRowsZero) {
                options.optMask(mask);
            } else {
                options.optBias(bias(ps, mask.toType(DataType.FLOAT32, false)));
            }
        }
        NDArray[] heads =
                inputs.size() < 3 && (training || Precision.isMixed(ps))
                        ? joinedHeads(ps, queries, training)
                        : new NDArray[] {
                            heads(Precision.linear(queryProjection, ps, queries, training)),
                            heads(Precision.linear(keyProjection, ps, keys, training)),
                            heads(Precision.linear(valueProjection, ps, values, training))
                        };
        NDArray output = FlashAttention.attend(heads[0], heads[1], heads[2], options.build());
        return Precision.linear(resultProjection, ps, output.reshape(queries.getShape()), training);
    }

    /** One product instead of three; not to infer, where the weights would be joined each time. */
    private NDArray[] joinedHeads(ParameterStore ps, NDArray input, boolean training) {
        List<Linear> layers = List.of(queryProjection, keyProjection, valueProjection);
        NDList parts =
                Precision.joined(layers, ps, input, training).split(layers.size(), EMBEDDING_AXIS);
        return new NDArray[] {heads(parts.get(0)), heads(parts.get(1)), heads(parts.get(2))};
    }

    private NDArray heads(NDArray array) {
        Shape shape = array.getShape();
        return array.reshape(
                shape.get(0), shape.get(1), headCount, (long) embeddingSize / headCount);
    }

    private static NDArray bias(ParameterStore ps, NDArray bias) {
        // What FLOAT16 cannot hold would become infinite, and a row of it NaN.
        return Precision.isMixed(ps)
                ? Precision.lower(ps, bias.clip(-LARGEST_HALF, LARGEST_HALF))
                : bias;
    }

    private NDArray rank4(NDArray mask, NDArray queries, NDArray keys) {
        if (mask.getShape().dimension() == 4) {
            return mask;
        }
        long batch = keys.getShape().get(0);
        return fromKept(mask.reshape(batch, 1, queries.getShape().get(1), keys.getShape().get(1)));
    }

    /**
     * Turns a mask of rank 4 of 1 to keep and 0 to drop into one that this block takes as it is.
     * Both constants are filled on the device, where creating a scalar would wait for a copy.
     */
    NDArray fromKept(NDArray kept) {
        if (maskedRowsZero) {
            return kept.toType(DataType.BOOLEAN, false);
        }
        NDManager manager = kept.getManager();
        NDArray one = manager.full(new Shape(1), 1f);
        NDArray drop = manager.full(new Shape(1), DROP);
        return kept.toType(DataType.FLOAT32, false).sub(one).mul(drop);
    }

    private static boolean hasMask(int inputs) {
        return inputs % 2 == 0;
    }

    private static int queryIndex(int inputs) {
        return inputs < 3 ? 0 : 1;
    }

    private static int valueIndex(int inputs) {
        return inputs < 3 ? 0 : 2;
    }

    private static void checkCount(int inputs) {
        if (inputs < 1 || inputs > 4) {
            throw new IllegalArgumentException(inputs + " inputs, allowed are 1 to 4");
        }
    }

    /** Refuses what attention cannot take, before anything is computed. */
    void checkInputs(NDList inputs) {
        checkCount(inputs.size());
        Shape keys = inputs.head().getShape();
        Shape queries = inputs.get(queryIndex(inputs.size())).getShape();
        checkEmbeddings("keys", inputs.head(), keys);
        checkEmbeddings("queries", inputs.get(queryIndex(inputs.size())), keys);
        NDArray values = inputs.get(valueIndex(inputs.size()));
        checkEmbeddings("values", values, keys);
        if (!values.getShape().equals(keys)) {
            throw new IllegalArgumentException(
                    "values of shape " + values.getShape() + ", allowed is that of keys: " + keys);
        }
        if (hasMask(inputs.size())) {
            Shape mask = inputs.get(inputs.size() - 1).getShape();
            long size = keys.get(0) * queries.get(1) * keys.get(1);
            if (mask.dimension() != 4 && mask.size() != size) {
                throw new IllegalArgumentException(
                        "mask of shape "
                                + mask
                                + ", allowed are "
                                + new Shape(keys.get(0), queries.get(1), keys.get(1))
                                + " and rank 4");
            }
        }
    }

    private void checkEmbeddings(String name, NDArray array, Shape keys) {
        Shape shape = array.getShape();
        if (shape.dimension() != 3
                || shape.get(0) != keys.get(0)
                || shape.get(2) != embeddingSize
                || array.getDataType() != DataType.FLOAT32) {
            throw new IllegalArgumentException(
                    name
                            + " are "
                            + array.getDataType()
                            + " "
                            + shape
                            + ", allowed is "
                            + DataType.FLOAT32
                            + " (B, S, "
                            + embeddingSize
                            + "), B being equal in all inputs");
        }
    }

    /** The builder of {@link FlashScaledDotProductAttentionBlock}. */
    public static final class Builder {

        private int embeddingSize;
        private int headCount;
        private float attentionProbsDropoutProb = 0.1f;
        private boolean maskedRowsZero;
        private boolean causal;
        private DataType computeType;

        private Builder() {}

        /**
         * Sets the embedding size E.
         *
         * @param embeddingSize a multiple of the head count
         * @return this builder
         */
        public Builder setEmbeddingSize(int embeddingSize) {
            this.embeddingSize = embeddingSize;
            return this;
        }

        /**
         * Sets the number N of heads.
         *
         * @param headCount a divisor of the embedding size
         * @return this builder
         */
        public Builder setHeadCount(int headCount) {
            this.headCount = headCount;
            return this;
        }

        /**
         * Sets the share of attention probabilities that training sets to zero (default 0.1).
         *
         * @param attentionProbsDropoutProb from 0 (included) to 1 (excluded)
         * @return this builder
         * @throws IllegalArgumentException if it is outside
         */
        public Builder optAttentionProbsDropoutProb(float attentionProbsDropoutProb) {
            // The operator's own check, before the first forward meets it.
            AttentionOptions.builder().optDropout(attentionProbsDropoutProb);
            this.attentionProbsDropoutProb = attentionProbsDropoutProb;
            return this;
        }

        /**
         * Sets whether a query whose keys are all masked finds nothing: the heads give it 0, and no
         * gradient flows back from it (default: false, it attends to all keys).
         *
         * <p>If so, masks become BOOLEAN, 0 meaning false, and a mask of rank 4 that is BOOLEAN
         * tells which keys to keep; other masks of rank 4 are added still.
         *
         * @param maskedRowsZero whether such queries find nothing
         * @return this builder
         */
        public Builder optMaskedRowsZero(boolean maskedRowsZero) {
            this.maskedRowsZero = maskedRowsZero;
            return this;
        }

        /**
         * Sets whether the last query sees every key and each earlier query one key less (default:
         * false, every query sees every key), without a mask in memory being given. Masks act in
         * addition.
         *
         * @param causal whether attention is causal
         * @return this builder
         */
        public Builder optCausal(boolean causal) {
            this.causal = causal;
            return this;
        }

        /**
         * Sets the type that scores and values are multiplied in (default FLOAT32). Inputs,
         * projections, parameters and output stay FLOAT32, and so do gradients.
         *
         * @param computeType FLOAT16, BFLOAT16, FLOAT32 or FLOAT64
         * @return this builder
         * @throws IllegalArgumentException if it is another
         * @see AttentionOptions.Builder#optComputeType
         */
        public Builder optComputeType(DataType computeType) {
            AttentionOptions.builder().optComputeType(computeType);
            this.computeType = computeType;
            return this;
        }

        /**
         * Builds the block.
         *
         * @return the block
         * @throws IllegalStateException if embedding size or head count were not set, or do not fit
         *     each other
         */
        public FlashScaledDotProductAttentionBlock build() {
            if (embeddingSize < 1) {
                throw new IllegalStateException(
                        "Embedding size not initialized: "
                                + embeddingSize
                                + ", allowed is at least 1");
            }
            if (headCount < 1) {
                throw new IllegalStateException(
                        "Head count not initialized: " + headCount + ", allowed is at least 1");
            }
            if (embeddingSize % headCount != 0) {
                throw new IllegalStateException(
                        "Embedding size ("
                                + embeddingSize
                                + ") is not divisible by head count ("
                                + headCount
                                + ")");
            }
            return new FlashScaledDotProductAttentionBlock(this);
        }
    }
}
