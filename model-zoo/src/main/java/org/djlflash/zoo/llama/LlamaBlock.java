package org.djlflash.zoo.llama;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Parameter;
import ai.djl.training.ParameterStore;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Set;
import org.djlflash.step.Norm;
import org.djlflash.zoo.decoder.DecoderBlock;
import org.djlflash.zoo.decoder.LayerCache;
import org.djlflash.zoo.decoder.ReadStep;
import org.djlflash.zoo.decoder.StepModel;
import org.djlflash.zoo.weights.WeightBinding;

/**
 * Llama with its language model head.
 *
 * @see <a href="https://arxiv.org/abs/2302.13971">Touvron et al., LLaMA: Open and Efficient
 *     Foundation Language Models, section 2.2</a>
 */
public final class LlamaBlock extends DecoderBlock {

    private final LlamaConfig config;
    private final float[] frequencies;
    private final List<LlamaLayer> layers = new ArrayList<>();
    private final Parameter outputNorm;

    /**
     * Creates a block without weights.
     *
     * @param config its shape
     */
    public LlamaBlock(LlamaConfig config) {
        super(config);
        this.config = config;
        frequencies = config.rotary().frequencies(config.headSize());
        for (int i = 0; i < config.layers(); i++) {
            layers.add(addChildBlock("layer" + i, new LlamaLayer(config)));
        }
        outputNorm = addParameter(LlamaLayer.norm("outputNorm", config));
    }

    @Override
    public LlamaConfig config() {
        return config;
    }

    @Override
    protected double attentionScale() {
        return layers.get(0).scale();
    }

    @Override
    public List<WeightBinding> bindings(Set<String> names) {
        return LlamaWeights.bindings(this);
    }

    @Override
    protected boolean isDerived(String tensorName) {
        return LlamaWeights.isDerived(tensorName);
    }

    @Override
    protected StepModel stepModel(NDManager manager, int capacity) {
        NDArray tokens = tokenEmbedding().getArray();
        try (NDManager scope = manager.newSubManager()) {
            NDArray positions = scope.arange(0, capacity, 1, DataType.INT64).reshape(1, capacity);
            Rotary angles = Rotary.at(positions, frequencies, tokens.getDataType());
            NDArray cosine = angles.cosine().reshape(capacity, -1);
            NDArray sine = angles.sine().reshape(capacity, -1);
            cosine.attach(manager);
            sine.attach(manager);
            return new StepModel(
                    tokens,
                    null,
                    cosine,
                    sine,
                    layers.stream().map(LlamaLayer::stepLayer).toList(),
                    new Norm(outputNorm.getArray(), null, config.normEpsilon()),
                    outputEmbedding().getArray());
        }
    }

    List<LlamaLayer> layers() {
        return Collections.unmodifiableList(layers);
    }

    Parameter outputNorm() {
        return outputNorm;
    }

    @Override
    protected NDArray hidden(ParameterStore ps, NDArray ids, ReadStep step, boolean training) {
        NDArray hidden = lookUp(ps, ids, tokenEmbedding(), training);
        LlamaLayer.Pass pass =
                new LlamaLayer.Pass(
                        Rotary.at(
                                step.positions(ids.getManager()),
                                frequencies,
                                hidden.getDataType()),
                        RmsNorm.on(ids.getManager(), config.normEpsilon()));
        for (int i = 0; i < layers.size(); i++) {
            LlamaLayer layer = layers.get(i);
            LayerCache cache = step.cache(i);
            hidden = runLayer(hidden, in -> layer.forward(ps, in, cache, pass, training));
        }
        return pass.norm().apply(hidden, ps.getValue(outputNorm, ids.getDevice(), training));
    }

    @Override
    protected void initializeChildBlocks(
            NDManager manager, DataType dataType, Shape... inputShapes) {
        Shape hidden = inputShapes[0].add(config.embeddingSize());
        layers.forEach(layer -> layer.initialize(manager, dataType, hidden));
    }
}
