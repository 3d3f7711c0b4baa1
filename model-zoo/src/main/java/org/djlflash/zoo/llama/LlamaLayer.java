package org.djlflash.zoo.llama;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Parameter;
import ai.djl.nn.core.Linear;
import ai.djl.training.ParameterStore;
import ai.djl.util.PairList;
import java.util.List;
import org.djlflash.cuda.plan.Epilogue;
import org.djlflash.step.Norm;
import org.djlflash.torch.TorchOps;
import org.djlflash.train.Precision;
import org.djlflash.zoo.decoder.DecoderLayer;
import org.djlflash.zoo.decoder.LayerCache;
import org.djlflash.zoo.decoder.StepModel;

/**
 * A layer of Llama: causal self-attention over rotated heads, whose keys and values groups of
 * queries share, then a gated feed-forward part (SwiGLU), each after a normalisation and added to
 * what came in.
 *
 * <p>Input and output have shape (B, T, E).
 *
 * @see <a href="https://arxiv.org/abs/2302.13971">Touvron et al., LLaMA: Open and Efficient
 *     Foundation Language Models, section 2.2</a>
 */
final class LlamaLayer extends DecoderLayer {

    /**
     * What all layers use in one pass.
     *
     * @param rotary turns queries and keys
     * @param norm normalises
     */
    record Pass(Rotary rotary, RmsNorm norm) {}

    private final LlamaConfig config;
    private final Parameter attentionNorm;
    private final Linear query;
    private final Linear key;
    private final Linear value;
    private final Linear attentionOutput;
    private final Parameter innerNorm;
    private final Linear gate;
    private final Linear innerInput;
    private final Linear innerOutput;

    LlamaLayer(LlamaConfig config) {
        super(1 / Math.sqrt(config.headSize()), config.attentionDropout());
        this.config = config;
        attentionNorm = addParameter(norm("attentionNorm", config));
        query = attentionPart("query", config.heads() * config.headSize());
        key = attentionPart("key", config.keyValueHeads() * config.headSize());
        value = attentionPart("value", config.keyValueHeads() * config.headSize());
        attentionOutput = attentionPart("attentionOutput", config.embeddingSize());
        innerNorm = addParameter(norm("innerNorm", config));
        gate = innerPart("gate", config.innerSize());
        innerInput = innerPart("innerInput", config.innerSize());
        innerOutput = innerPart("innerOutput", config.embeddingSize());
    }

    /** Makes the factors of a normalisation, shape (E). */
    static Parameter norm(String name, LlamaConfig config) {
        return Parameter.builder()
                .setName(name)
                .setType(Parameter.Type.GAMMA)
                .optShape(new Shape(config.embeddingSize()))
                .build();
    }

    private Linear attentionPart(String name, int units) {
        return linear(name, units, config.attentionBias());
    }

    private Linear innerPart(String name, int units) {
        return linear(name, units, config.innerBias());
    }

    private Linear linear(String name, int units, boolean bias) {
        return addChildBlock(name, Linear.builder().setUnits(units).optBias(bias).build());
    }

    /** Describes the layer for a step of one token. */
    StepModel.Layer stepLayer() {
        return new StepModel.Layer(
                new Norm(attentionNorm.getArray(), null, config.normEpsilon()),
                List.of(weight(query), weight(key), weight(value)),
                scale(),
                weight(attentionOutput),
                new Norm(innerNorm.getArray(), null, config.normEpsilon()),
                List.of(weight(gate), weight(innerInput)),
                Epilogue.GATED,
                weight(innerOutput));
    }

    Parameter attentionNorm() {
        return attentionNorm;
    }

    Linear query() {
        return query;
    }

    Linear key() {
        return key;
    }

    Linear value() {
        return value;
    }

    Linear attentionOutput() {
        return attentionOutput;
    }

    Parameter innerNorm() {
        return innerNorm;
    }

    Linear gate() {
        return gate;
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
        throw new UnsupportedOperationException(
                "a layer of Llama runs in a LlamaBlock, which knows the positions");
    }

    /**
     * Runs the layer.
     *
     * @param cache where keys and values are kept, or null; what it holds comes before the input
     */
    NDArray forward(
            ParameterStore ps, NDArray input, LayerCache cache, Pass pass, boolean training) {
        NDArray normal = normalize(ps, input, attentionNorm, pass, training);
        NDArray middle = input.add(attend(ps, normal, cache, pass.rotary(), training));
        normal = normalize(ps, middle, innerNorm, pass, training);
        NDArray opening = project(gate, ps, normal, training);
        NDArray inner =
                TorchOps.silu(opening, opening.getManager())
                        .mul(project(innerInput, ps, normal, training));
        return middle.add(project(innerOutput, ps, inner, training));
    }

    private static NDArray normalize(
            ParameterStore ps, NDArray input, Parameter norm, Pass pass, boolean training) {
        return pass.norm().apply(input, ps.getValue(norm, input.getDevice(), training));
    }

    private NDArray attend(
            ParameterStore ps, NDArray input, LayerCache cache, Rotary rotary, boolean training) {
        NDArray attended =
                attend(
                        rotate(rotary, heads(query, config.heads(), ps, input, training), ps),
                        rotate(rotary, heads(key, config.keyValueHeads(), ps, input, training), ps),
                        heads(value, config.keyValueHeads(), ps, input, training),
                        cache,
                        training);
        Shape merged = input.getShape().slice(0, 2).add((long) config.heads() * config.headSize());
        return project(attentionOutput, ps, attended.reshape(merged), training);
    }

    /** The angles are FLOAT32 in mixed precision, and so is what they turn. */
    private static NDArray rotate(Rotary rotary, NDArray heads, ParameterStore ps) {
        return Precision.lower(ps, rotary.apply(heads));
    }

    private NDArray heads(
            Linear projection, int heads, ParameterStore ps, NDArray input, boolean training) {
        Shape split = input.getShape().slice(0, 2).add(heads).add(config.headSize());
        return project(projection, ps, input, training).reshape(split);
    }

    @Override
    protected void initializeChildBlocks(
            NDManager manager, DataType dataType, Shape... inputShapes) {
        Shape tokens = inputShapes[0].slice(0, 2);
        Shape outer = tokens.add(config.embeddingSize());
        for (Linear part : new Linear[] {query, key, value, gate, innerInput}) {
            part.initialize(manager, dataType, outer);
        }
        attentionOutput.initialize(
                manager, dataType, tokens.add((long) config.heads() * config.headSize()));
        innerOutput.initialize(manager, dataType, tokens.add(config.innerSize()));
    }
}
