package org.djlflash.nn;

import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Block;
import ai.djl.nn.norm.Dropout;
import ai.djl.nn.transformer.BertBlock;
import ai.djl.nn.transformer.TransformerEncoderBlock;
import java.lang.reflect.Field;
import java.util.Random;

/** A small BERT, DJL's and ours, and inputs for it. */
final class BertFixture {

    static final int TOKENS = 7;
    static final int SIZE = 12;
    static final int DICTIONARY = 30;
    static final int TYPES = 3;

    private BertFixture() {}

    static FlashBertBlock.Builder flash() {
        return FlashBertBlock.builder()
                .setTokenDictionarySize(DICTIONARY)
                .optTypeDictionarySize(TYPES)
                .optEmbeddingSize(SIZE)
                .optTransformerBlockCount(2)
                .optAttentionHeadCount(3)
                .optHiddenSize(20)
                .optHiddenDropoutProbability(0)
                .optMaxSequenceLength(TOKENS)
                .optEncoder(encoder -> encoder.optDropoutProbability(0));
    }

    /** DJL's block with random parameters and, which its builder cannot do, without dropout. */
    static BertBlock djl(NDManager manager) throws ReflectiveOperationException {
        BertBlock block =
                BertBlock.builder()
                        .setTokenDictionarySize(DICTIONARY)
                        .optTypeDictionarySize(TYPES)
                        .optEmbeddingSize(SIZE)
                        .optTransformerBlockCount(2)
                        .optAttentionHeadCount(3)
                        .optHiddenSize(20)
                        .optHiddenDropoutProbability(0)
                        .optMaxSequenceLength(TOKENS)
                        .build();
        withoutDropout(block);
        Blocks.initialize(block, manager, shapes(2, TOKENS));
        return block;
    }

    private static void withoutDropout(Block block) throws ReflectiveOperationException {
        if (block instanceof Dropout) {
            field(Dropout.class, "rate").setFloat(block, 0);
        }
        if (block instanceof TransformerEncoderBlock) {
            for (String name : new String[] {"selfAttentionDropout", "fullyConnectedDropout"}) {
                withoutDropout((Block) field(TransformerEncoderBlock.class, name).get(block));
            }
        }
        for (Block child : block.getChildren().values()) {
            withoutDropout(child);
        }
    }

    private static Field field(Class<?> type, String name) throws ReflectiveOperationException {
        Field field = type.getDeclaredField(name);
        field.setAccessible(true);
        return field;
    }

    static Shape[] shapes(int batch, int tokens) {
        Shape shape = new Shape(batch, tokens);
        return new Shape[] {shape, shape, shape};
    }

    /** Random tokens and types, with more padding in each further row. */
    static NDList inputs(NDManager manager, long seed, int batch, int tokens) {
        Random random = new Random(seed);
        long[] ids = random.longs((long) batch * tokens, 0, DICTIONARY).toArray();
        long[] types = random.longs((long) batch * tokens, 0, TYPES).toArray();
        long[] mask = new long[batch * tokens];
        for (int i = 0; i < mask.length; i++) {
            mask[i] = i % tokens < tokens - i / tokens % tokens ? 1 : 0;
        }
        Shape shape = new Shape(batch, tokens);
        return new NDList(
                manager.create(ids, shape),
                manager.create(types, shape),
                manager.create(mask, shape).toType(DataType.INT32, false));
    }
}
