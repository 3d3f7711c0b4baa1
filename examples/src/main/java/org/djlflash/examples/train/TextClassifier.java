package org.djlflash.examples.train;

import ai.djl.ndarray.NDList;
import ai.djl.nn.Block;
import ai.djl.nn.SequentialBlock;
import ai.djl.nn.core.Linear;
import org.djlflash.nn.FlashBertBlock;

/** A small BERT that tells classes of texts apart. */
final class TextClassifier {

    static final int MAX_TOKENS = 64;

    private static final int WIDTH = 64;
    private static final int LAYERS = 2;
    private static final int HEADS = 4;
    private static final int HIDDEN = 128;

    private TextClassifier() {}

    /** Builds it without weights, as the paper has it: DJL's peculiarities are chosen away. */
    static Block create(int vocabularySize, int classes) {
        FlashBertBlock bert =
                FlashBertBlock.builder()
                        .setTokenDictionarySize(vocabularySize)
                        .optTypeDictionarySize(1)
                        .optEmbeddingSize(WIDTH)
                        .optTransformerBlockCount(LAYERS)
                        .optAttentionHeadCount(HEADS)
                        .optHiddenSize(HIDDEN)
                        .optMaxSequenceLength(MAX_TOKENS)
                        .optSlicePositions(true)
                        .optPoolFirstToken(true)
                        .optEncoder(
                                encoder ->
                                        encoder.optResidualFromAttention(true)
                                                .optAttention(
                                                        attention ->
                                                                attention.optMaskedRowsZero(true)))
                        .build();
        return new SequentialBlock()
                .add(bert)
                .add(outputs -> new NDList(outputs.get(1)), "pooled")
                .add(Linear.builder().setUnits(classes).build());
    }
}
