package org.djlflash.nn;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Activation;
import ai.djl.nn.Block;
import ai.djl.nn.core.Linear;
import ai.djl.nn.norm.BatchNorm;
import ai.djl.nn.norm.Dropout;
import ai.djl.nn.transformer.PointwiseFeedForwardBlock;
import ai.djl.training.ParameterStore;
import ai.djl.util.PairList;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.function.Function;
import java.util.function.UnaryOperator;
import org.djlflash.train.Precision;
import org.djlflash.train.Recomputation;

/**
 * A layer of a transformer encoder, in place of DJL's {@link
 * ai.djl.nn.transformer.TransformerEncoderBlock}.
 *
 * <p>Inputs: [x (B, S, E)] or [x, mask], the mask as {@link FlashScaledDotProductAttentionBlock}
 * takes it. Output: [(B, S, E)]. Three or four inputs go to attention as they are, the first being
 * x, as in DJL's block. Where DJL's block can be initialized with the shape of x only, this one
 * takes that of the mask too.
 *
 * <p>It computes, as DJL's block does,
 *
 * <pre>
 * a = norm(dropout(attention(x)) + x)
 * output = norm(dropout(feedForward(a)) + x)
 * </pre>
 *
 * where the paper adds a in the second line; see {@link Builder#optResidualFromAttention}. The
 * norms are batch norms over all tokens of a batch, where the paper has layer norms; in inference
 * they use the statistics that training has collected. There is no option for that: parameters of
 * one kind of norm make no sense in the other.
 *
 * <p>Safe for inference by many threads, each with its own {@link ParameterStore}, as every {@code
 * Predictor} has. Bad inputs make {@code IllegalArgumentException}.
 *
 * @see <a href="https://arxiv.org/abs/1706.03762">Vaswani et al., Attention Is All You Need,
 *     section 3.1</a>
 */
public class FlashTransformerEncoderBlock extends Float32Block {

    private final int embeddingSize;
    private final int hiddenSize;
    private final boolean residualFromAttention;

    private final FlashScaledDotProductAttentionBlock selfAttention;
    private final BatchNorm attentionNorm;
    private final PointwiseFeedForwardBlock feedForward;
    private final BatchNorm outputNorm;
    // No children, since DJL's files do not have these two.
    private final Dropout attentionDropout;
    private final Dropout outputDropout;

    /**
     * Creates a block that does what DJL's does.
     *
     * @param embeddingSize the embedding size E
     * @param headCount the number of heads, a divisor of E
     * @param hiddenSize the size of the feed-forward network's hidden layer
     * @param dropoutProbability the dropout rate, from 0 (included) to 1 (excluded)
     * @param activationFunction the activation of the hidden layer
     * @throws IllegalStateException if a size does not fit
     */
    public FlashTransformerEncoderBlock(
            int embeddingSize,
            int headCount,
            int hiddenSize,
            float dropoutProbability,
            Function<NDList, NDList> activationFunction) {
        this(
                builder()
                        .setEmbeddingSize(embeddingSize)
                        .setHeadCount(headCount)
                        .setHiddenSize(hiddenSize)
                        .optDropoutProbability(dropoutProbability)
                        .optActivationFunction(activationFunction));
    }

    /**
     * Creates a block.
     *
     * @param builder the builder
     * @throws IllegalStateException if a size does not fit
     */
    protected FlashTransformerEncoderBlock(Builder builder) {
        embeddingSize = builder.embeddingSize;
        hiddenSize = builder.hiddenSize;
        residualFromAttention = builder.residualFromAttention;
        selfAttention = addChildBlock("selfAttention", builder.buildAttention());
        attentionNorm = addChildBlock("attentionNorm", TokenNorm.create());
        feedForward = addChildBlock("outputBlock", builder.buildFeedForward());
        outputNorm = addChildBlock("outputNorm", TokenNorm.create());
        attentionDropout = builder.buildDropout();
        outputDropout = builder.buildDropout();
    }

    /**
     * Returns a new builder.
     *
     * @return the builder
     */
    public static Builder builder() {
        return new Builder();
    }

    @Override
    List<Shape> parameterShapes() {
        List<Shape> norm = Collections.nCopies(4, new Shape(embeddingSize));
        List<Shape> shapes = new ArrayList<>(selfAttention.parameterShapes());
        shapes.addAll(norm);
        shapes.add(new Shape(hiddenSize, embeddingSize));
        shapes.add(new Shape(hiddenSize));
        shapes.add(new Shape(embeddingSize, hiddenSize));
        shapes.add(new Shape(embeddingSize));
        shapes.addAll(norm);
        return shapes;
    }

    /** {@inheritDoc} */
    @Override
    public Shape[] getOutputShapes(Shape[] inputShapes) {
        return new Shape[] {inputShapes[0]};
    }

    /** {@inheritDoc} */
    @Override
    protected void initializeChildBlocks(
            NDManager manager, DataType dataType, Shape... inputShapes) {
        selfAttention.initialize(manager, dataType, inputShapes);
        attentionNorm.initialize(manager, dataType, inputShapes[0]);
        feedForward.initialize(manager, dataType, inputShapes[0]);
        outputNorm.initialize(manager, dataType, inputShapes[0]);
    }

    /** {@inheritDoc} */
    @Override
    protected NDList forwardInternal(
            ParameterStore ps, NDList inputs, boolean training, PairList<String, Object> params) {
        selfAttention.checkInputs(inputs);
        if (inputs.size() > 2 && !inputs.get(1).getShape().equals(inputs.head().getShape())) {
            throw new IllegalArgumentException(
                    "queries of shape "
                            + inputs.get(1).getShape()
                            + ", allowed is the shape of the keys, which the residual adds: "
                            + inputs.head().getShape());
        }
        return Scoped.compute(
                inputs.head().getManager(),
                inputs,
                scoped ->
                        new NDList(
                                Recomputation.run(
                                        ps, scoped, layer -> encode(ps, layer, training))));
    }

    private NDArray encode(ParameterStore ps, NDList inputs, boolean training) {
        NDArray x = inputs.head();
        NDList branch = new NDList(selfAttention.attend(ps, inputs, training));
        branch = attentionDropout.forward(ps, branch, training);
        NDArray attended = addAndNormalize(ps, branch, x, attentionNorm, training);
        branch = outputDropout.forward(ps, feedForward(ps, attended, training), training);
        NDArray residual = residualFromAttention ? attended : x;
        return addAndNormalize(ps, branch, residual, outputNorm, training);
    }

    private NDList feedForward(ParameterStore ps, NDArray input, boolean training) {
        NDList values = new NDList(input);
        for (Block child : feedForward.getChildren().values()) {
            values =
                    child instanceof Linear
                            ? new NDList(
                                    Precision.linear((Linear) child, ps, values.head(), training))
                            : child.forward(ps, values, training);
        }
        return values;
    }

    /** In mixed precision the residual is the wider one, and so is the sum. */
    private static NDArray addAndNormalize(
            ParameterStore ps, NDList branch, NDArray residual, BatchNorm norm, boolean training) {
        return TokenNorm.apply(norm, ps, branch.singletonOrThrow().add(residual), training);
    }

    /** See {@link FlashScaledDotProductAttentionBlock#fromKept}. */
    NDArray fromKept(NDArray kept) {
        return selfAttention.fromKept(kept);
    }

    /** The builder of {@link FlashTransformerEncoderBlock}. */
    public static final class Builder {

        private int embeddingSize;
        private int headCount;
        private int hiddenSize;
        private float dropoutProbability = 0.1f;
        private Function<NDList, NDList> activationFunction = Activation::gelu;
        private boolean residualFromAttention;
        private UnaryOperator<FlashScaledDotProductAttentionBlock.Builder> attention =
                UnaryOperator.identity();

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
         * Sets the number of heads.
         *
         * @param headCount a divisor of the embedding size
         * @return this builder
         */
        public Builder setHeadCount(int headCount) {
            this.headCount = headCount;
            return this;
        }

        /**
         * Sets the size of the feed-forward network's hidden layer.
         *
         * @param hiddenSize at least 1
         * @return this builder
         */
        public Builder setHiddenSize(int hiddenSize) {
            this.hiddenSize = hiddenSize;
            return this;
        }

        /**
         * Sets the dropout rate of attention probabilities, of attention's output and of the
         * feed-forward network's output (default 0.1).
         *
         * @param dropoutProbability from 0 (included) to 1 (excluded)
         * @return this builder
         */
        public Builder optDropoutProbability(float dropoutProbability) {
            this.dropoutProbability = dropoutProbability;
            return this;
        }

        /**
         * Sets the activation of the hidden layer (default {@link Activation#gelu(NDList)}).
         *
         * @param activationFunction the activation
         * @return this builder
         */
        public Builder optActivationFunction(Function<NDList, NDList> activationFunction) {
            this.activationFunction = activationFunction;
            return this;
        }

        /**
         * Sets what is added to the feed-forward network's output: its input, as in the paper, or
         * the block's input (default: false, the block's, as DJL's block does).
         *
         * @param residualFromAttention true for the feed-forward network's input
         * @return this builder
         */
        public Builder optResidualFromAttention(boolean residualFromAttention) {
            this.residualFromAttention = residualFromAttention;
            return this;
        }

        /**
         * Sets options of attention, for example {@code attention -> attention.optCausal(true)}.
         * The sizes are set already, and so is the dropout rate, which may be changed.
         *
         * @param attention receives the builder of attention and returns it
         * @return this builder
         */
        public Builder optAttention(
                UnaryOperator<FlashScaledDotProductAttentionBlock.Builder> attention) {
            this.attention = attention;
            return this;
        }

        /**
         * Builds the block.
         *
         * @return the block
         * @throws IllegalStateException if a size was not set or does not fit
         * @throws IllegalArgumentException if the dropout rate does not fit
         */
        public FlashTransformerEncoderBlock build() {
            return new FlashTransformerEncoderBlock(this);
        }

        private FlashScaledDotProductAttentionBlock buildAttention() {
            return attention
                    .apply(
                            FlashScaledDotProductAttentionBlock.builder()
                                    .setEmbeddingSize(embeddingSize)
                                    .setHeadCount(headCount)
                                    .optAttentionProbsDropoutProb(dropoutProbability))
                    .build();
        }

        private PointwiseFeedForwardBlock buildFeedForward() {
            if (hiddenSize < 1) {
                throw new IllegalStateException(
                        "Hidden size not initialized: " + hiddenSize + ", allowed is at least 1");
            }
            return new PointwiseFeedForwardBlock(
                    List.of(hiddenSize), embeddingSize, activationFunction);
        }

        private Dropout buildDropout() {
            return Dropout.builder().optRate(dropoutProbability).build();
        }
    }
}
