package org.djlflash.examples.bench;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.ndarray.types.SparseFormat;
import ai.djl.nn.AbstractBlock;
import ai.djl.nn.Activation;
import ai.djl.nn.Block;
import ai.djl.nn.Parameter;
import ai.djl.nn.core.Embedding;
import ai.djl.nn.core.Linear;
import ai.djl.nn.norm.Dropout;
import ai.djl.nn.norm.LayerNorm;
import ai.djl.nn.transformer.ScaledDotProductAttentionBlock;
import ai.djl.training.ParameterStore;
import ai.djl.util.PairList;
import java.util.ArrayList;
import java.util.List;

/** GPT-2 of DJL's own blocks: what a user of DJL would write. */
final class DjlGpt2 extends AbstractBlock {

    private static final int EMBEDDING_AXIS = 2;

    private final TrainingCase c;
    private final Parameter tokenEmbedding;
    private final Parameter positionEmbedding;
    private final List<Layer> layers = new ArrayList<>();
    private final LayerNorm outputNorm;

    DjlGpt2(TrainingCase c) {
        this.c = c;
        tokenEmbedding = embedding("tokenEmbedding", c.vocabulary());
        positionEmbedding = embedding("positionEmbedding", c.tokens());
        for (int i = 0; i < c.layers(); i++) {
            layers.add(new Layer(i));
        }
        outputNorm = addChildBlock("outputNorm", norm());
    }

    private Parameter embedding(String name, int rows) {
        return addParameter(
                Parameter.builder()
                        .setName(name)
                        .setType(Parameter.Type.WEIGHT)
                        .optShape(new Shape(rows, c.width()))
                        .build());
    }

    private static LayerNorm norm() {
        return LayerNorm.builder().axis(EMBEDDING_AXIS).build();
    }

    private final class Layer {

        private final Block attentionNorm;
        private final Block attention;
        private final Block innerNorm;
        private final Block innerInput;
        private final Block innerOutput;

        Layer(int index) {
            attentionNorm = addChildBlock("attentionNorm" + index, norm());
            attention =
                    addChildBlock(
                            "attention" + index,
                            ScaledDotProductAttentionBlock.builder()
                                    .setEmbeddingSize(c.width())
                                    .setHeadCount(c.heads())
                                    .optAttentionProbsDropoutProb(c.dropout())
                                    .build());
            innerNorm = addChildBlock("innerNorm" + index, norm());
            innerInput =
                    addChildBlock(
                            "innerInput" + index, Linear.builder().setUnits(c.inner()).build());
            innerOutput =
                    addChildBlock(
                            "innerOutput" + index, Linear.builder().setUnits(c.width()).build());
        }

        NDArray forward(ParameterStore ps, NDArray input, NDArray mask, boolean training) {
            NDArray normal = call(attentionNorm, ps, training, input);
            NDArray middle = input.add(dropout(call(attention, ps, training, normal, mask)));
            NDArray inner = call(innerInput, ps, training, call(innerNorm, ps, training, middle));
            return middle.add(dropout(call(innerOutput, ps, training, Activation.gelu(inner))));
        }
    }

    private NDArray dropout(NDArray array) {
        return Dropout.dropout(array, c.dropout(), true).singletonOrThrow();
    }

    private static NDArray call(
            Block block, ParameterStore ps, boolean training, NDArray... inputs) {
        return block.forward(ps, new NDList(inputs), training).singletonOrThrow();
    }

    @Override
    protected NDList forwardInternal(
            ParameterStore ps, NDList inputs, boolean training, PairList<String, Object> params) {
        NDArray ids = inputs.head();
        NDArray table = ps.getValue(tokenEmbedding, ids.getDevice(), training);
        NDArray places = ps.getValue(positionEmbedding, ids.getDevice(), training);
        NDArray hidden =
                Embedding.embedding(ids, table, SparseFormat.DENSE).singletonOrThrow().add(places);
        hidden = dropout(hidden);
        // The second input: what DJL's block adds to the scores, minus much above the diagonal.
        for (Layer layer : layers) {
            hidden = layer.forward(ps, hidden, inputs.get(1), training);
        }
        hidden = call(outputNorm, ps, training, hidden);
        return Linear.linear(hidden, table);
    }

    @Override
    public Shape[] getOutputShapes(Shape[] inputShapes) {
        return new Shape[] {inputShapes[0].add(c.vocabulary())};
    }

    @Override
    protected void initializeChildBlocks(
            NDManager manager, DataType dataType, Shape... inputShapes) {
        Shape hidden = inputShapes[0].add(c.width());
        Shape inner = inputShapes[0].add(c.inner());
        for (Layer layer : layers) {
            for (Block block :
                    List.of(
                            layer.attentionNorm,
                            layer.attention,
                            layer.innerNorm,
                            layer.innerInput)) {
                block.initialize(manager, dataType, hidden);
            }
            layer.innerOutput.initialize(manager, dataType, inner);
        }
        outputNorm.initialize(manager, dataType, hidden);
    }
}
