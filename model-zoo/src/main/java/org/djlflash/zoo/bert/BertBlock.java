package org.djlflash.zoo.bert;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.ndarray.types.SparseFormat;
import ai.djl.nn.AbstractBlock;
import ai.djl.nn.Parameter;
import ai.djl.nn.core.Embedding;
import ai.djl.nn.core.Linear;
import ai.djl.nn.norm.LayerNorm;
import ai.djl.training.ParameterStore;
import ai.djl.util.PairList;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.djlflash.nn.Scoped;
import org.djlflash.train.Precision;
import org.djlflash.train.Recomputation;
import org.djlflash.zoo.Layers;

/**
 * BERT without heads for its tasks, as Hugging Face computes it, on the attention operator;
 * trainable as every DJL block.
 *
 * <p>Inputs: token ids, INT64, shape (B, T), each from 0 and below the vocabulary size (not looked
 * at here: an unknown one fails in the engine), T at most the number of positions; then, if wanted,
 * type ids, INT64, shape (B, T), 0 where left out; then, if wanted, the mask, of any type, shape
 * (B, T), 0 for padding, which no token attends to, wherever it is. Padding at the ends of rows, or
 * none, is the fastest.
 *
 * <p>Outputs, of the type of the weights: the last hidden states, shape (B, T, E), and, if the
 * block has a pooler, the pooled first tokens, shape (B, E).
 *
 * <p>Forward passes may run on many threads at once, each with a {@link ParameterStore} of its own.
 *
 * @see <a href="https://arxiv.org/abs/1810.04805">Devlin et al., BERT, section 3</a>
 */
public final class BertBlock extends AbstractBlock {

    private final BertConfig config;
    private final Parameter tokenEmbedding;
    private final Parameter positionEmbedding;
    private final Parameter typeEmbedding;
    private final LayerNorm embeddingNorm;
    private final List<BertLayer> layers = new ArrayList<>();

    /** Null for a model without one. */
    private final Linear pooler;

    /**
     * Creates a block without weights.
     *
     * @param config its shape
     * @param pooler whether it has a pooler
     */
    public BertBlock(BertConfig config, boolean pooler) {
        this.config = config;
        tokenEmbedding = embedding("tokenEmbedding", config.vocabularySize());
        positionEmbedding = embedding("positionEmbedding", config.maxPositions());
        typeEmbedding = embedding("typeEmbedding", config.typeCount());
        embeddingNorm = addChildBlock("embeddingNorm", Layers.norm(config.layerNormEpsilon()));
        for (int i = 0; i < config.layers(); i++) {
            layers.add(addChildBlock("layer" + i, new BertLayer(config)));
        }
        this.pooler = pooler ? addChildBlock("pooler", Layers.linear(config.hiddenSize())) : null;
    }

    private Parameter embedding(String name, int rows) {
        return addParameter(
                Parameter.builder()
                        .setName(name)
                        .setType(Parameter.Type.WEIGHT)
                        .optShape(new Shape(rows, config.hiddenSize()))
                        .build());
    }

    /**
     * Returns the block's shape.
     *
     * @return the configuration
     */
    public BertConfig config() {
        return config;
    }

    /**
     * Tells whether the block has a pooler, and so a second output.
     *
     * @return true if it has
     */
    public boolean hasPooler() {
        return pooler != null;
    }

    /**
     * Returns the type that the block computes in, but for normalisations, the softmax and sums.
     *
     * @return the type of its weights
     */
    public DataType dataType() {
        return tokenEmbedding.getArray().getDataType();
    }

    Parameter tokenEmbedding() {
        return tokenEmbedding;
    }

    Parameter positionEmbedding() {
        return positionEmbedding;
    }

    Parameter typeEmbedding() {
        return typeEmbedding;
    }

    LayerNorm embeddingNorm() {
        return embeddingNorm;
    }

    List<BertLayer> layers() {
        return Collections.unmodifiableList(layers);
    }

    Linear pooler() {
        return pooler;
    }

    @Override
    protected NDList forwardInternal(
            ParameterStore ps, NDList inputs, boolean training, PairList<String, Object> params) {
        checkInputs(inputs);
        return Scoped.compute(
                inputs.head().getManager(), inputs, scoped -> encode(ps, scoped, training));
    }

    private NDList encode(ParameterStore ps, NDList inputs, boolean training) {
        KeyMask mask = inputs.size() > 2 ? KeyMask.of(inputs.get(2)) : KeyMask.NONE;
        NDArray hidden = embed(ps, inputs, training);
        for (BertLayer layer : layers) {
            // What a layer makes on its way ends with it: a large batch would not fit otherwise.
            try (NDArray input = hidden) {
                hidden =
                        Scoped.compute(
                                        input.getManager(),
                                        mask.with(input),
                                        scoped -> runLayer(ps, layer, scoped, mask, training))
                                .singletonOrThrow();
            }
        }
        NDList outputs = new NDList(hidden);
        if (pooler != null) {
            NDArray first = hidden.get(":, 0");
            outputs.add(Precision.raise(ps, Precision.linear(pooler, ps, first, training)).tanh());
        }
        return outputs;
    }

    private static NDList runLayer(
            ParameterStore ps, BertLayer layer, NDList scoped, KeyMask mask, boolean training) {
        return new NDList(
                Recomputation.run(
                        ps, scoped, in -> layer.forward(ps, in.head(), mask.of(in), training)));
    }

    private NDArray embed(ParameterStore ps, NDList inputs, boolean training) {
        NDArray ids = inputs.head();
        NDManager scope = ids.getManager();
        Shape shape = ids.getShape();
        NDArray types = inputs.size() > 1 ? inputs.get(1) : scope.zeros(shape, DataType.INT64);
        NDArray places =
                scope.arange(0, (int) shape.get(1), 1, DataType.INT64).reshape(1, shape.get(1));
        NDArray sum =
                lookUp(ps, ids, tokenEmbedding, training)
                        .add(lookUp(ps, types, typeEmbedding, training))
                        .add(lookUp(ps, places, positionEmbedding, training));
        NDArray hidden = Layers.call(embeddingNorm, ps, sum, training);
        return Layers.dropout(hidden, config.hiddenDropout(), training);
    }

    private static NDArray lookUp(
            ParameterStore ps, NDArray ids, Parameter table, boolean training) {
        NDArray rows = Precision.value(ps, table, ids.getDevice(), training);
        NDArray found = Embedding.embedding(ids, rows, SparseFormat.DENSE).singletonOrThrow();
        return Precision.raise(ps, found);
    }

    private void checkInputs(NDList inputs) {
        if (inputs.isEmpty() || inputs.size() > 3) {
            throw new IllegalArgumentException(
                    inputs.size() + " inputs, allowed are token ids, type ids and mask");
        }
        Shape shape = inputs.head().getShape();
        if (shape.dimension() != 2 || shape.size() == 0) {
            throw new IllegalArgumentException(
                    "token ids of shape " + shape + ", allowed is (B, T), neither of them 0");
        }
        if (shape.get(1) > config.maxPositions()) {
            throw new IllegalArgumentException(
                    shape.get(1)
                            + " tokens, the model has "
                            + config.maxPositions()
                            + " positions");
        }
        for (NDArray input : inputs) {
            if (!input.getShape().equals(shape)) {
                throw new IllegalArgumentException(
                        "type ids or mask of shape "
                                + input.getShape()
                                + ", allowed is the shape of the token ids: "
                                + shape);
            }
        }
    }

    @Override
    public Shape[] getOutputShapes(Shape[] inputShapes) {
        Shape sequence = inputShapes[0].add(config.hiddenSize());
        Shape pooled = new Shape(inputShapes[0].get(0), config.hiddenSize());
        return pooler == null ? new Shape[] {sequence} : new Shape[] {sequence, pooled};
    }

    @Override
    protected void initializeChildBlocks(
            NDManager manager, DataType dataType, Shape... inputShapes) {
        Shape hidden = inputShapes[0].add(config.hiddenSize());
        embeddingNorm.initialize(manager, dataType, hidden);
        layers.forEach(layer -> layer.initialize(manager, dataType, hidden));
        if (pooler != null) {
            pooler.initialize(
                    manager, dataType, new Shape(inputShapes[0].get(0), config.hiddenSize()));
        }
    }
}
