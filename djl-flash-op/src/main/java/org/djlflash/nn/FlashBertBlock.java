package org.djlflash.nn;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.index.NDIndex;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Parameter;
import ai.djl.nn.core.Linear;
import ai.djl.nn.norm.BatchNorm;
import ai.djl.nn.norm.Dropout;
import ai.djl.training.ParameterStore;
import ai.djl.util.PairList;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.function.UnaryOperator;
import org.djlflash.train.Precision;

/**
 * BERT without heads for its tasks, in place of DJL's {@link ai.djl.nn.transformer.BertBlock}.
 *
 * <p>Inputs: [token ids (B, S), type ids (B, S), mask (B, S), 1 for a token and 0 for padding].
 * Outputs: [sequence (B, S, E), pooled (B, E)].
 *
 * <p>As in DJL's block, unless an option says otherwise:
 *
 * <ul>
 *   <li>S must be the maximum sequence length; see {@link Builder#optSlicePositions};
 *   <li>the second token is pooled, and for B = 1 the pooled output is of shape (E); see {@link
 *       Builder#optPoolFirstToken};
 *   <li>the norms and residuals are those of {@link FlashTransformerEncoderBlock}, so that
 *       parameters of other BERT implementations have no place here; see {@link
 *       Builder#optEncoder}.
 * </ul>
 *
 * <p>Unlike DJL's block it is safe for inference by many threads, each with its own {@link
 * ParameterStore}, as every {@code Predictor} has. Bad inputs make {@code
 * IllegalArgumentException}.
 *
 * @see <a href="https://arxiv.org/abs/1810.04805">Devlin et al., BERT, section 3</a>
 */
public final class FlashBertBlock extends Float32Block {

    private final int embeddingSize;
    private final int tokenDictionarySize;
    private final int typeDictionarySize;
    private final int maxSequenceLength;
    private final boolean slicePositions;
    private final boolean poolFirstToken;

    private final TokenEmbedding tokenEmbedding;
    private final TokenEmbedding typeEmbedding;
    private final Parameter positionEmbedding;
    private final BatchNorm embeddingNorm;
    private final Dropout embeddingDropout;
    private final List<FlashTransformerEncoderBlock> encoders;
    private final Linear pooling;

    private FlashBertBlock(Builder builder) {
        embeddingSize = builder.embeddingSize;
        tokenDictionarySize = builder.tokenDictionarySize;
        typeDictionarySize = builder.typeDictionarySize;
        maxSequenceLength = builder.maxSequenceLength;
        slicePositions = builder.slicePositions;
        poolFirstToken = builder.poolFirstToken;
        inputNames = List.of("tokenIds", "typeIds", "masks");
        tokenEmbedding =
                addChildBlock(
                        "tokenEmbedding", new TokenEmbedding(tokenDictionarySize, embeddingSize));
        positionEmbedding =
                addParameter(
                        Parameter.builder()
                                .setName("positionEmbedding")
                                .setType(Parameter.Type.WEIGHT)
                                .optShape(new Shape(maxSequenceLength, embeddingSize))
                                .build());
        typeEmbedding =
                addChildBlock(
                        "typeEmbedding", new TokenEmbedding(typeDictionarySize, embeddingSize));
        embeddingNorm = addChildBlock("embeddingNorm", TokenNorm.create());
        embeddingDropout =
                addChildBlock(
                        "embeddingDropout",
                        Dropout.builder().optRate(builder.hiddenDropoutProbability).build());
        encoders = new ArrayList<>();
        for (int i = 0; i < builder.transformerBlockCount; i++) {
            encoders.add(addChildBlock("transformer_" + i, builder.buildEncoder()));
        }
        pooling =
                addChildBlock(
                        "poolingProjection", Linear.builder().setUnits(embeddingSize).build());
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
     * Returns the embedding of token ids.
     *
     * @return the embedding
     */
    public TokenEmbedding getTokenEmbedding() {
        return tokenEmbedding;
    }

    /**
     * Returns the embedding size E.
     *
     * @return the embedding size
     */
    public int getEmbeddingSize() {
        return embeddingSize;
    }

    /**
     * Returns the number of different tokens.
     *
     * @return the number of token ids
     */
    public int getTokenDictionarySize() {
        return tokenDictionarySize;
    }

    /**
     * Returns the number of different token types.
     *
     * @return the number of type ids
     */
    public int getTypeDictionarySize() {
        return typeDictionarySize;
    }

    @Override
    List<Shape> parameterShapes() {
        Shape vector = new Shape(embeddingSize);
        List<Shape> shapes = new ArrayList<>();
        shapes.add(new Shape(maxSequenceLength, embeddingSize));
        shapes.addAll(tokenEmbedding.parameterShapes());
        shapes.addAll(typeEmbedding.parameterShapes());
        shapes.addAll(Collections.nCopies(4, vector));
        encoders.forEach(encoder -> shapes.addAll(encoder.parameterShapes()));
        shapes.add(new Shape(embeddingSize, embeddingSize));
        shapes.add(vector);
        return shapes;
    }

    /** {@inheritDoc} */
    @Override
    public Shape[] getOutputShapes(Shape[] inputShapes) {
        long batch = inputShapes[0].get(0);
        long tokens = inputShapes[0].get(1);
        return new Shape[] {
            new Shape(batch, tokens, embeddingSize), new Shape(batch, embeddingSize)
        };
    }

    /** {@inheritDoc} */
    @Override
    protected void initializeChildBlocks(
            NDManager manager, DataType dataType, Shape... inputShapes) {
        Shape embedded = inputShapes[0].add(embeddingSize);
        tokenEmbedding.initialize(manager, dataType, inputShapes[0]);
        typeEmbedding.initialize(manager, dataType, inputShapes[1]);
        embeddingNorm.initialize(manager, dataType, embedded);
        embeddingDropout.initialize(manager, dataType, embedded);
        for (FlashTransformerEncoderBlock encoder : encoders) {
            encoder.initialize(manager, dataType, embedded);
        }
        pooling.initialize(manager, dataType, new Shape(inputShapes[0].get(0), embeddingSize));
    }

    /** {@inheritDoc} */
    @Override
    protected NDList forwardInternal(
            ParameterStore ps, NDList inputs, boolean training, PairList<String, Object> params) {
        checkInputs(inputs);
        NDManager owner = inputs.head().getManager();
        return Scoped.compute(owner, inputs, scoped -> encode(ps, scoped, training));
    }

    private NDList encode(ParameterStore ps, NDList inputs, boolean training) {
        // The same row for all queries: DJL's block repeats it, to the same effect.
        NDArray mask = inputs.get(2).reshape(inputs.head().getShape().get(0), 1, 1, -1);
        mask = encoders.get(0).fromKept(mask);
        NDArray sequence = embed(ps, inputs, training);
        for (FlashTransformerEncoderBlock encoder : encoders) {
            try (NDArray input = sequence) {
                sequence =
                        encoder.forward(ps, new NDList(input, mask), training).singletonOrThrow();
            }
        }
        return new NDList(sequence, pool(ps, sequence, training));
    }

    private NDArray embed(ParameterStore ps, NDList inputs, boolean training) {
        NDArray tokens =
                tokenEmbedding.forward(ps, new NDList(inputs.get(0)), training).singletonOrThrow();
        NDArray types =
                typeEmbedding.forward(ps, new NDList(inputs.get(1)), training).singletonOrThrow();
        NDArray positions = Precision.value(ps, positionEmbedding, tokens.getDevice(), training);
        if (slicePositions) {
            // The view must be the scope's; of itself it would stay with the parameter.
            NDIndex used = new NDIndex().addSliceDim(0, tokens.getShape().get(1));
            positions = positions.get(tokens.getManager(), used);
        }
        NDArray embedded = tokens.add(types).add(positions);
        NDArray normalized = TokenNorm.apply(embeddingNorm, ps, embedded, training);
        return embeddingDropout.forward(ps, new NDList(normalized), training).singletonOrThrow();
    }

    private NDArray pool(ParameterStore ps, NDArray sequence, boolean training) {
        NDIndex token = new NDIndex().addAllDim().addIndices(poolFirstToken ? 0 : 1);
        NDArray pooled = sequence.get(token);
        if (!poolFirstToken) {
            pooled = pooled.squeeze();
        }
        return Precision.raise(ps, Precision.linear(pooling, ps, pooled, training)).tanh();
    }

    private void checkInputs(NDList inputs) {
        if (inputs.size() < 3) {
            throw new IllegalArgumentException(
                    inputs.size() + " inputs, allowed are token ids, type ids and mask");
        }
        Shape ids = inputs.head().getShape();
        if (ids.dimension() != 2) {
            throw new IllegalArgumentException("token ids of shape " + ids + ", allowed is (B, S)");
        }
        checkAlike("type ids", inputs.get(1), ids);
        checkAlike("mask", inputs.get(2), ids);
        long tokens = ids.get(1);
        if (slicePositions ? tokens > maxSequenceLength : tokens != maxSequenceLength) {
            throw new IllegalArgumentException(
                    tokens
                            + " tokens, allowed "
                            + (slicePositions
                                    ? "are up to " + maxSequenceLength
                                    : "is the maximum sequence length "
                                            + maxSequenceLength
                                            + " (or less with optSlicePositions)"));
        }
        if (tokens < (poolFirstToken ? 1 : 2)) {
            throw new IllegalArgumentException(
                    tokens
                            + " tokens, allowed are at least "
                            + (poolFirstToken
                                    ? "1"
                                    : "2, as the second one is pooled (or 1 with"
                                            + " optPoolFirstToken)"));
        }
    }

    private static void checkAlike(String name, NDArray array, Shape ids) {
        if (!array.getShape().equals(ids)) {
            throw new IllegalArgumentException(
                    name
                            + " of shape "
                            + array.getShape()
                            + ", allowed is the shape of token ids: "
                            + ids);
        }
    }

    /** The builder of {@link FlashBertBlock}. */
    public static final class Builder {

        private static final int HIDDEN_FACTOR = 4;
        private static final float ENCODER_DROPOUT = 0.1f;

        private int tokenDictionarySize;
        private int typeDictionarySize = 16;
        private int embeddingSize = 768;
        private int transformerBlockCount = 12;
        private int attentionHeadCount = 12;
        private int hiddenSize = HIDDEN_FACTOR * 768;
        private float hiddenDropoutProbability = 0.1f;
        private int maxSequenceLength = 512;
        private boolean slicePositions;
        private boolean poolFirstToken;
        private UnaryOperator<FlashTransformerEncoderBlock.Builder> encoder =
                UnaryOperator.identity();

        private Builder() {}

        /**
         * Sets the number of different tokens.
         *
         * @param tokenDictionarySize at least 1
         * @return this builder
         */
        public Builder setTokenDictionarySize(int tokenDictionarySize) {
            this.tokenDictionarySize = tokenDictionarySize;
            return this;
        }

        /**
         * Sets the number of different token types (default 16).
         *
         * @param typeDictionarySize at least 1
         * @return this builder
         */
        public Builder optTypeDictionarySize(int typeDictionarySize) {
            this.typeDictionarySize = typeDictionarySize;
            return this;
        }

        /**
         * Sets the embedding size E (default 768). The hidden size stays as it is.
         *
         * @param embeddingSize a multiple of the head count
         * @return this builder
         */
        public Builder optEmbeddingSize(int embeddingSize) {
            this.embeddingSize = embeddingSize;
            return this;
        }

        /**
         * Sets the number of encoder layers (default 12).
         *
         * @param transformerBlockCount at least 1
         * @return this builder
         */
        public Builder optTransformerBlockCount(int transformerBlockCount) {
            this.transformerBlockCount = transformerBlockCount;
            return this;
        }

        /**
         * Sets the number of heads of each layer (default 12).
         *
         * @param attentionHeadCount a divisor of the embedding size
         * @return this builder
         */
        public Builder optAttentionHeadCount(int attentionHeadCount) {
            this.attentionHeadCount = attentionHeadCount;
            return this;
        }

        /**
         * Sets the size of the feed-forward networks' hidden layers (default 3072).
         *
         * @param hiddenSize at least 1
         * @return this builder
         */
        public Builder optHiddenSize(int hiddenSize) {
            this.hiddenSize = hiddenSize;
            return this;
        }

        /**
         * Sets the dropout rate of the embeddings (default 0.1). That of the layers is always 0.1,
         * as in DJL's block, unless {@link #optEncoder} changes it.
         *
         * @param hiddenDropoutProbability from 0 to 1
         * @return this builder
         */
        public Builder optHiddenDropoutProbability(float hiddenDropoutProbability) {
            this.hiddenDropoutProbability = hiddenDropoutProbability;
            return this;
        }

        /**
         * Sets the number of positions that have an embedding (default 512).
         *
         * @param maxSequenceLength at least 1
         * @return this builder
         */
        public Builder optMaxSequenceLength(int maxSequenceLength) {
            this.maxSequenceLength = maxSequenceLength;
            return this;
        }

        /**
         * Sets whether shorter sequences than the maximum are taken, token i getting the embedding
         * of position i (default: false, S must be the maximum, as DJL's block demands).
         *
         * @param slicePositions whether S may be less than the maximum
         * @return this builder
         */
        public Builder optSlicePositions(boolean slicePositions) {
            this.slicePositions = slicePositions;
            return this;
        }

        /**
         * Sets whether the first token is pooled, as in the paper, and the pooled output is of
         * shape (B, E) for every B (default: false, the second token is, and dimensions of size 1
         * are dropped, as DJL's block does).
         *
         * @param poolFirstToken whether the first token is pooled
         * @return this builder
         */
        public Builder optPoolFirstToken(boolean poolFirstToken) {
            this.poolFirstToken = poolFirstToken;
            return this;
        }

        /**
         * Sets options of the layers, for example {@code encoder ->
         * encoder.optResidualFromAttention(true)}. Sizes, activation and the dropout rate 0.1 are
         * set already; the latter two may be changed.
         *
         * @param encoder receives the builder of a layer and returns it, once for each layer
         * @return this builder
         */
        public Builder optEncoder(UnaryOperator<FlashTransformerEncoderBlock.Builder> encoder) {
            this.encoder = encoder;
            return this;
        }

        /**
         * Chooses a tiny configuration: 4 layers of 4 heads, E = 256, 128 positions, 2 types.
         *
         * @return this builder
         */
        public Builder nano() {
            return preset(2, 256, 4, 4, 128);
        }

        /**
         * Chooses a small configuration: 12 layers of 8 heads, E = 512, 128 positions, 2 types.
         *
         * @return this builder
         */
        public Builder micro() {
            return preset(2, 512, 12, 8, 128);
        }

        /**
         * Chooses the paper's BASE layers: 12 of 12 heads, E = 768, with DJL's 256 positions and 16
         * types.
         *
         * @return this builder
         */
        public Builder base() {
            return preset(16, 768, 12, 12, 256);
        }

        /**
         * Chooses the paper's LARGE layers: 24 of 16 heads, E = 1024, with 512 positions and DJL's
         * 16 types.
         *
         * @return this builder
         */
        public Builder large() {
            return preset(16, 1024, 24, 16, 512);
        }

        private Builder preset(int types, int embedding, int layers, int heads, int positions) {
            typeDictionarySize = types;
            embeddingSize = embedding;
            transformerBlockCount = layers;
            attentionHeadCount = heads;
            hiddenSize = HIDDEN_FACTOR * embedding;
            hiddenDropoutProbability = 0.1f;
            maxSequenceLength = positions;
            return this;
        }

        /**
         * Builds the block.
         *
         * @return the block
         * @throws IllegalArgumentException if the dictionary size was not set, or a size is too
         *     small
         * @throws IllegalStateException if the head count does not divide the embedding size
         */
        public FlashBertBlock build() {
            checkPositive("Token dictionary size", tokenDictionarySize);
            checkPositive("Type dictionary size", typeDictionarySize);
            checkPositive("Maximum sequence length", maxSequenceLength);
            checkPositive("Transformer block count", transformerBlockCount);
            return new FlashBertBlock(this);
        }

        private static void checkPositive(String name, int value) {
            if (value < 1) {
                throw new IllegalArgumentException(name + " " + value + ", allowed is at least 1");
            }
        }

        private FlashTransformerEncoderBlock buildEncoder() {
            return encoder.apply(
                            FlashTransformerEncoderBlock.builder()
                                    .setEmbeddingSize(embeddingSize)
                                    .setHeadCount(attentionHeadCount)
                                    .setHiddenSize(hiddenSize)
                                    .optDropoutProbability(ENCODER_DROPOUT))
                    .build();
        }
    }
}
