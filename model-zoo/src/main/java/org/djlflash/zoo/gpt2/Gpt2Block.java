package org.djlflash.zoo.gpt2;

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
import org.djlflash.kv.KvCache;
import org.djlflash.torch.ScalarType;
import org.djlflash.torch.TorchOps;

/**
 * GPT-2 with its language model head, on the attention operator; trainable as every DJL block.
 *
 * <p>Input: token ids, INT64, shape (B, T), each from 0 and below the vocabulary size (not looked
 * at here: an unknown one fails in the engine), T at most the number of positions. Output: logits
 * of the next token after each, FLOAT32 whatever the type of the weights, shape (B, T, V).
 *
 * <p>Forward passes may run on many threads at once.
 *
 * @see <a
 *     href="https://cdn.openai.com/better-language-models/language_models_are_unsupervised_multitask_learners.pdf">Radford
 *     et al., Language Models are Unsupervised Multitask Learners, section 2.3</a>
 */
public final class Gpt2Block extends AbstractBlock {

    private final Gpt2Config config;
    private final Parameter tokenEmbedding;
    private final Parameter positionEmbedding;
    private final List<Gpt2Layer> layers = new ArrayList<>();
    private final LayerNorm outputNorm;

    /** Null when the output shares the token embedding. */
    private final Linear head;

    /**
     * Creates a block without weights.
     *
     * @param config its shape
     */
    public Gpt2Block(Gpt2Config config) {
        this.config = config;
        tokenEmbedding = embedding("tokenEmbedding", config.vocabularySize());
        positionEmbedding = embedding("positionEmbedding", config.maxPositions());
        for (int i = 0; i < config.layers(); i++) {
            layers.add(addChildBlock("layer" + i, new Gpt2Layer(config, i)));
        }
        outputNorm = addChildBlock("outputNorm", Gpt2Layer.norm(config));
        head =
                config.tieWordEmbeddings()
                        ? null
                        : addChildBlock(
                                "head",
                                Linear.builder()
                                        .setUnits(config.vocabularySize())
                                        .optBias(false)
                                        .build());
    }

    private Parameter embedding(String name, int rows) {
        return addParameter(
                Parameter.builder()
                        .setName(name)
                        .setType(Parameter.Type.WEIGHT)
                        .optShape(new Shape(rows, config.embeddingSize()))
                        .build());
    }

    /**
     * Returns the block's shape.
     *
     * @return the configuration
     */
    public Gpt2Config config() {
        return config;
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

    List<Gpt2Layer> layers() {
        return Collections.unmodifiableList(layers);
    }

    LayerNorm outputNorm() {
        return outputNorm;
    }

    Linear head() {
        return head;
    }

    @Override
    protected NDList forwardInternal(
            ParameterStore ps, NDList inputs, boolean training, PairList<String, Object> params) {
        NDArray hidden = hidden(ps, inputs.singletonOrThrow(), null, training);
        return new NDList(logits(ps, hidden, training));
    }

    /**
     * Computes the logits after the last token, keeping keys and values.
     *
     * @param ps the parameter store
     * @param ids the tokens that follow those in the caches, INT64, shape (B, T)
     * @param caches one for each layer, all of one length in every row
     * @return FLOAT32, shape (B, V), on the manager of the ids
     * @throws IllegalArgumentException if the tokens go beyond the last position
     */
    NDArray lastLogits(ParameterStore ps, NDArray ids, List<KvCache> caches) {
        NDArray hidden = hidden(ps, ids, caches, false);
        long tokens = ids.getShape().get(1);
        NDArray last = tokens == 1 ? hidden : hidden.get(":, -1:, :");
        return logits(ps, last, false).squeeze(1);
    }

    private NDArray hidden(ParameterStore ps, NDArray ids, List<KvCache> caches, boolean training) {
        long past = caches == null ? 0 : caches.get(0).lengths()[0];
        long end = past + ids.getShape().get(1);
        if (end > config.maxPositions()) {
            throw new IllegalArgumentException(
                    end + " tokens, the model has " + config.maxPositions() + " positions");
        }
        NDArray tokens = ps.getValue(tokenEmbedding, ids.getDevice(), training);
        NDArray positions = ps.getValue(positionEmbedding, ids.getDevice(), training);
        NDArray places =
                ids.getManager()
                        .arange((int) past, (int) end, 1, DataType.INT64)
                        .reshape(1, end - past);
        NDArray hidden = lookUp(ids, tokens).add(lookUp(places, positions));
        hidden = Gpt2Layer.dropout(hidden, config.embeddingDropout(), training);
        GeluTanh gelu = GeluTanh.on(ids.getManager(), hidden.getDataType());
        for (int i = 0; i < layers.size(); i++) {
            KvCache cache = caches == null ? null : caches.get(i);
            hidden = layers.get(i).forward(ps, hidden, cache, gelu, training);
        }
        return Gpt2Layer.call(outputNorm, ps, hidden, training);
    }

    private static NDArray lookUp(NDArray ids, NDArray table) {
        return Embedding.embedding(ids, table, SparseFormat.DENSE).singletonOrThrow();
    }

    private NDArray logits(ParameterStore ps, NDArray hidden, boolean training) {
        NDArray logits;
        if (head != null) {
            logits = Gpt2Layer.call(head, ps, hidden, training);
        } else {
            NDArray weight = ps.getValue(tokenEmbedding, hidden.getDevice(), training);
            logits = Linear.linear(hidden, weight).singletonOrThrow();
        }
        return logits.getDataType() == DataType.FLOAT32
                ? logits
                : TorchOps.cast(logits, ScalarType.FLOAT32, logits.getManager());
    }

    @Override
    public Shape[] getOutputShapes(Shape[] inputShapes) {
        return new Shape[] {inputShapes[0].add(config.vocabularySize())};
    }

    @Override
    protected void initializeChildBlocks(
            NDManager manager, DataType dataType, Shape... inputShapes) {
        Shape hidden = inputShapes[0].add(config.embeddingSize());
        layers.forEach(layer -> layer.initialize(manager, dataType, hidden));
        outputNorm.initialize(manager, dataType, hidden);
        if (head != null) {
            head.initialize(manager, dataType, hidden);
        }
    }
}
