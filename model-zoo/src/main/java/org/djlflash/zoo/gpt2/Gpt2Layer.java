package org.djlflash.zoo.gpt2;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Activation;
import ai.djl.nn.core.Linear;
import ai.djl.nn.norm.LayerNorm;
import ai.djl.training.ParameterStore;
import ai.djl.util.PairList;
import java.util.List;
import org.djlflash.cuda.plan.Epilogue;
import org.djlflash.step.Norm;
import org.djlflash.zoo.Layers;
import org.djlflash.zoo.decoder.DecoderLayer;
import org.djlflash.zoo.decoder.LayerCache;
import org.djlflash.zoo.decoder.StepModel;

/**
 * A layer of GPT-2: causal self-attention, then a feed-forward part, each after a normalisation and
 * added to what came in.
 *
 * <p>Input and output have shape (B, T, E).
 */
final class Gpt2Layer extends DecoderLayer {

    private final Gpt2Config config;
    private final LayerNorm attentionNorm;
    private final Linear attentionInput;
    private final Linear attentionOutput;
    private final LayerNorm innerNorm;
    private final Linear innerInput;
    private final Linear innerOutput;

    Gpt2Layer(Gpt2Config config, int index) {
        super(scale(config, index), config.attentionDropout());
        this.config = config;
        attentionNorm = addChildBlock("attentionNorm", Layers.norm(config.layerNormEpsilon()));
        attentionInput = addChildBlock("attentionInput", Layers.linear(3 * config.embeddingSize()));
        attentionOutput = addChildBlock("attentionOutput", Layers.linear(config.embeddingSize()));
        innerNorm = addChildBlock("innerNorm", Layers.norm(config.layerNormEpsilon()));
        innerInput = addChildBlock("innerInput", Layers.linear(config.innerSize()));
        innerOutput = addChildBlock("innerOutput", Layers.linear(config.embeddingSize()));
    }

    private static double scale(Gpt2Config config, int index) {
        return (config.scaleAttention() ? 1 / Math.sqrt(config.headSize()) : 1)
                / (config.scaleAttentionByInverseLayerIndex() ? index + 1 : 1);
    }

    /** Describes the layer for a step of one token. */
    StepModel.Layer stepLayer() {
        return new StepModel.Layer(
                stepNorm(attentionNorm, config),
                List.of(weight(attentionInput)),
                scale(),
                weight(attentionOutput),
                stepNorm(innerNorm, config),
                List.of(weight(innerInput)),
                switch (config.activation()) {
                    case GELU -> Epilogue.GELU;
                    case GELU_TANH -> Epilogue.GELU_TANH;
                },
                weight(innerOutput));
    }

    static Norm stepNorm(LayerNorm norm, Gpt2Config config) {
        return new Norm(
                norm.getDirectParameters().get("gamma").getArray(),
                norm.getDirectParameters().get("beta").getArray(),
                config.layerNormEpsilon());
    }

    LayerNorm attentionNorm() {
        return attentionNorm;
    }

    Linear attentionInput() {
        return attentionInput;
    }

    Linear attentionOutput() {
        return attentionOutput;
    }

    LayerNorm innerNorm() {
        return innerNorm;
    }

    Linear innerInput() {
        return innerInput;
    }

    Linear innerOutput() {
        return innerOutput;
    }

    @Override
    protected NDList forwardInternal(
            ParameterStore ps, NDList inputs, boolean training, PairList<String, Object> params) {
        NDArray input = inputs.singletonOrThrow();
        GeluTanh gelu = GeluTanh.on(input.getManager());
        return new NDList(forward(ps, input, null, gelu, training));
    }

    /**
     * Runs the layer.
     *
     * @param cache where keys and values are kept, or null; what it holds comes before the input
     */
    NDArray forward(
            ParameterStore ps, NDArray input, LayerCache cache, GeluTanh gelu, boolean training) {
        NDArray attended =
                attend(ps, Layers.call(attentionNorm, ps, input, training), cache, training);
        NDArray middle = input.add(Layers.dropout(attended, config.residualDropout(), training));
        NDArray inner =
                project(innerInput, ps, Layers.call(innerNorm, ps, middle, training), training);
        inner = project(innerOutput, ps, activate(inner, gelu), training);
        return middle.add(Layers.dropout(inner, config.residualDropout(), training));
    }

    private NDArray attend(ParameterStore ps, NDArray input, LayerCache cache, boolean training) {
        Shape shape = input.getShape();
        NDList parts = project(attentionInput, ps, input, training).split(3, 2);
        NDArray[] heads = new NDArray[parts.size()];
        for (int i = 0; i < heads.length; i++) {
            heads[i] =
                    parts.get(i)
                            .reshape(shape.get(0), shape.get(1), config.heads(), config.headSize());
        }
        NDArray attended = attend(heads[0], heads[1], heads[2], cache, training);
        return project(attentionOutput, ps, attended.reshape(shape), training);
    }

    private NDArray activate(NDArray input, GeluTanh gelu) {
        return switch (config.activation()) {
            case GELU -> Activation.gelu(input);
            case GELU_TANH -> gelu.apply(input);
        };
    }

    @Override
    protected void initializeChildBlocks(
            NDManager manager, DataType dataType, Shape... inputShapes) {
        Shape tokens = inputShapes[0].slice(0, 2);
        Shape outer = tokens.add(config.embeddingSize());
        attentionNorm.initialize(manager, dataType, outer);
        attentionInput.initialize(manager, dataType, outer);
        attentionOutput.initialize(manager, dataType, outer);
        innerNorm.initialize(manager, dataType, outer);
        innerInput.initialize(manager, dataType, outer);
        innerOutput.initialize(manager, dataType, tokens.add(config.innerSize()));
    }
}
