package org.djlflash.zoo.bert;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.AbstractBlock;
import ai.djl.nn.Activation;
import ai.djl.nn.Block;
import ai.djl.nn.core.Linear;
import ai.djl.nn.norm.Dropout;
import ai.djl.nn.norm.LayerNorm;
import ai.djl.training.ParameterStore;
import ai.djl.util.PairList;
import org.djlflash.AttentionLayout;
import org.djlflash.AttentionOptions;
import org.djlflash.FlashAttention;
import org.djlflash.train.Precision;

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
        query = addChildBlock("query", linear(config.hiddenSize()));
        key = addChildBlock("key", linear(config.hiddenSize()));
        value = addChildBlock("value", linear(config.hiddenSize()));
        attentionOutput = addChildBlock("attentionOutput", linear(config.hiddenSize()));
        attentionNorm = addChildBlock("attentionNorm", norm(config));
        innerInput = addChildBlock("innerInput", linear(config.innerSize()));
        innerOutput = addChildBlock("innerOutput", linear(config.hiddenSize()));
        innerNorm = addChildBlock("innerNorm", norm(config));
    }

    static LayerNorm norm(BertConfig config) {
        return LayerNorm.builder().axis(2).optEpsilon((float) config.layerNormEpsilon()).build();
    }

    private static Linear linear(int units) {
        return Linear.builder().setUnits(units).build();
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
        NDArray middle = call(attentionNorm, ps, input.add(attended), training);
        NDArray inner = Activation.gelu(Precision.linear(innerInput, ps, middle, training));
        inner = dropout(Precision.linear(innerOutput, ps, inner, training), training);
        return call(innerNorm, ps, middle.add(inner), training);
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
        return dropout(input, config.hiddenDropout(), training);
    }

    static NDArray dropout(NDArray input, double rate, boolean training) {
        return training && rate > 0
                ? Dropout.dropout(input, (float) rate, true).singletonOrThrow()
                : input;
    }

    static NDArray call(Block block, ParameterStore ps, NDArray input, boolean training) {
        return block.forward(ps, new NDList(input), training).singletonOrThrow();
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
