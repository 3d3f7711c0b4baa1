package org.djlflash.zoo.gpt2;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Parameter;
import ai.djl.nn.norm.LayerNorm;
import ai.djl.training.ParameterStore;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Set;
import org.djlflash.train.Recomputation;
import org.djlflash.zoo.Layers;
import org.djlflash.zoo.decoder.DecoderBlock;
import org.djlflash.zoo.decoder.LayerCache;
import org.djlflash.zoo.decoder.ReadStep;
import org.djlflash.zoo.decoder.StepModel;
import org.djlflash.zoo.weights.WeightBinding;

/**
 * GPT-2 with its language model head.
 *
 * @see <a
 *     href="https://cdn.openai.com/better-language-models/language_models_are_unsupervised_multitask_learners.pdf">Radford
 *     et al., Language Models are Unsupervised Multitask Learners, section 2.3</a>
 */
public final class Gpt2Block extends DecoderBlock {

    private final Gpt2Config config;
    private final Parameter positionEmbedding;
    private final List<Gpt2Layer> layers = new ArrayList<>();
    private final LayerNorm outputNorm;

    /**
     * Creates a block without weights.
     *
     * @param config its shape
     */
    public Gpt2Block(Gpt2Config config) {
        super(config);
        this.config = config;
        positionEmbedding = embedding("positionEmbedding", config.maxPositions(), config);
        for (int i = 0; i < config.layers(); i++) {
            layers.add(addChildBlock("layer" + i, new Gpt2Layer(config, i)));
        }
        outputNorm = addChildBlock("outputNorm", Layers.norm(config.layerNormEpsilon()));
    }

    @Override
    public Gpt2Config config() {
        return config;
    }

    @Override
    protected double attentionScale() {
        return layers.get(0).scale();
    }

    @Override
    protected StepModel stepModel(NDManager manager, int capacity) {
        return new StepModel(
                tokenEmbedding().getArray(),
                positionEmbedding.getArray(),
                null,
                null,
                layers.stream().map(Gpt2Layer::stepLayer).toList(),
                Gpt2Layer.stepNorm(outputNorm, config),
                outputEmbedding().getArray());
    }

    List<Gpt2Layer> layers() {
        return Collections.unmodifiableList(layers);
    }

    @Override
    public List<WeightBinding> bindings(Set<String> names) {
        return Gpt2Weights.bindings(this, names);
    }

    @Override
    protected boolean isDerived(String tensorName) {
        return Gpt2Weights.isDerived(tensorName);
    }

    Parameter positionEmbedding() {
        return positionEmbedding;
    }

    LayerNorm outputNorm() {
        return outputNorm;
    }

    @Override
    protected NDArray hidden(ParameterStore ps, NDArray ids, ReadStep step, boolean training) {
        NDArray places = step.positions(ids.getManager());
        NDArray hidden =
                lookUp(ps, ids, tokenEmbedding(), training)
                        .add(lookUp(ps, places, positionEmbedding, training));
        hidden = Layers.dropout(hidden, config.embeddingDropout(), training);
        GeluTanh gelu = GeluTanh.on(ids.getManager());
        for (int i = 0; i < layers.size(); i++) {
            Gpt2Layer layer = layers.get(i);
            LayerCache cache = step.cache(i);
            hidden =
                    runLayer(
                            ps,
                            hidden,
                            in -> layer.forward(ps, in, cache, constants(gelu, in), training));
        }
        return Layers.call(outputNorm, ps, hidden, training);
    }

    /** Those of the forward pass are gone when a layer is computed again. */
    private static GeluTanh constants(GeluTanh ofPass, NDArray input) {
        return Recomputation.isAgain() ? GeluTanh.on(input.getManager()) : ofPass;
    }

    @Override
    protected void initializeChildBlocks(
            NDManager manager, DataType dataType, Shape... inputShapes) {
        Shape hidden = inputShapes[0].add(config.embeddingSize());
        layers.forEach(layer -> layer.initialize(manager, dataType, hidden));
        outputNorm.initialize(manager, dataType, hidden);
    }
}
