package org.djlflash.zoo.bert;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.AbstractBlock;
import ai.djl.nn.Activation;
import ai.djl.nn.core.Linear;
import ai.djl.nn.norm.LayerNorm;
import ai.djl.training.ParameterStore;
import ai.djl.util.PairList;
import org.djlflash.AttentionLayout;
import org.djlflash.AttentionOptions;
import org.djlflash.FlashAttention;
import org.djlflash.train.Precision;
import org.djlflash.zoo.Layers;

/**
 * A layer of BERT: self-attention, then a feed-forward part, each added to what came in and
 * normalised afterwards.
 *
 * <p>Input and output have shape (B, T, E).
 */
final class BertLayer extends AbstractBlock {

    private final BertConfig config;
    private final Linear query;
    private final Linear key;
    private final Linear value;
    private final Linear attentionOutput;
    private final LayerNorm attentionNorm;
    private final Linear innerInput;
    private final Linear innerOutput;
    private final LayerNorm innerNorm;

    BertLayer(BertConfig config) {
        this.config = config;
        query = addChildBlock("query", Layers.linear(config.hiddenSize()));
        key = addChildBlock("key", Layers.linear(config.hiddenSize()));
        value = addChildBlock("value", Layers.linear(config.hiddenSize()));
        attentionOutput = addChildBlock("attentionOutput", Layers.linear(config.hiddenSize()));
        attentionNorm = addChildBlock("attentionNorm", Layers.norm(config.layerNormEpsilon()));
        innerInput = addChildBlock("innerInput", Layers.linear(config.innerSize()));
        innerOutput = addChildBlock("innerOutput", Layers.linear(config.hiddenSize()));
        innerNorm = addChildBlock("innerNorm", Layers.norm(config.layerNormEpsilon()));
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

    LayerNorm attentionNorm() {
        return attentionNorm;
    }

    Linear innerInput() {
        return innerInput;
    }

    Linear innerOutput() {
        return innerOutput;
    }

    LayerNorm innerNorm() {
        return innerNorm;
    }

    @Override
    protected NDList forwardInternal(
            ParameterStore ps, NDList inputs, boolean training, PairList<String, Object> params) {
        return new NDList(forward(ps, inputs.singletonOrThrow(), KeyMask.NONE, training));
    }

    NDArray forward(ParameterStore ps, NDArray input, KeyMask mask, boolean training) {
        NDArray attended = dropout(attend(ps, input, mask, training), training);
        NDArray middle = Layers.call(attentionNorm, ps, input.add(attended), training);
        NDArray inner = Activation.gelu(Precision.linear(innerInput, ps, middle, training));
        inner = dropout(Precision.linear(innerOutput, ps, inner, training), training);
        return Layers.call(innerNorm, ps, middle.add(inner), training);
    }

    private NDArray attend(ParameterStore ps, NDArray input, KeyMask mask, boolean training) {
        AttentionOptions.Builder options =
                AttentionOptions.builder().optLayout(AttentionLayout.BTNH);
        mask.addTo(options);
        if (training) {
            options.optDropout((float) config.attentionDropout());
        }
        NDArray attended =
                FlashAttention.attend(
                        heads(Precision.linear(query, ps, input, training)),
                        heads(Precision.linear(key, ps, input, training)),
                        heads(Precision.linear(value, ps, input, training)),
                        options.build());
        return Precision.linear(attentionOutput, ps, attended.reshape(input.getShape()), training);
    }

    private NDArray heads(NDArray projected) {
        Shape shape = projected.getShape();
        return projected.reshape(shape.get(0), shape.get(1), config.heads(), -1);
    }

    private NDArray dropout(NDArray input, boolean training) {
        return Layers.dropout(input, config.hiddenDropout(), training);
    }

    @Override
    public Shape[] getOutputShapes(Shape[] inputShapes) {
        return inputShapes;
    }

    @Override
    protected void initializeChildBlocks(
            NDManager manager, DataType dataType, Shape... inputShapes) {
        Shape tokens = inputShapes[0].slice(0, 2);
        Shape outer = tokens.add(config.hiddenSize());
        query.initialize(manager, dataType, outer);
        key.initialize(manager, dataType, outer);
        value.initialize(manager, dataType, outer);
        attentionOutput.initialize(manager, dataType, outer);
        attentionNorm.initialize(manager, dataType, outer);
        innerInput.initialize(manager, dataType, outer);
        innerOutput.initialize(manager, dataType, tokens.add(config.innerSize()));
        innerNorm.initialize(manager, dataType, outer);
    }
}
