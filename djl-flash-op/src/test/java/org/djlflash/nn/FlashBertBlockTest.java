package org.djlflash.nn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.engine.Engine;
import ai.djl.engine.EngineException;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Block;
import ai.djl.nn.Parameter;
import ai.djl.nn.transformer.BertBlock;
import ai.djl.training.ParameterStore;
import ai.djl.util.Pair;
import java.util.Arrays;
import java.util.function.UnaryOperator;
import org.djlflash.testkit.Closeness;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class FlashBertBlockTest {

    private static final double ROUNDING = 1e-5;
    private static final int TOKENS = BertFixture.TOKENS;
    private static final int SIZE = BertFixture.SIZE;

    private NDManager manager;
    private BertBlock djl;

    @BeforeEach
    void open() throws Exception {
        Engine.getInstance().setRandomSeed(7);
        manager = NDManager.newBaseManager();
        djl = BertFixture.djl(manager);
    }

    @AfterEach
    void close() {
        manager.close();
    }

    @ParameterizedTest
    @CsvSource({"4, true", "1, true", "4, false", "1, false"})
    void equalsDjlsBlock(int batch, boolean training) throws Exception {
        NDList inputs = BertFixture.inputs(manager, 1, batch, TOKENS);
        FlashBertBlock ours = flash(builder -> builder);
        Blocks.assertClose(
                Blocks.run(djl, manager, inputs, training),
                Blocks.run(ours, manager, inputs, training),
                ROUNDING);
    }

    @Test
    void describesItselfAsDjlsBlock() throws Exception {
        FlashBertBlock ours = flash(builder -> builder);
        assertEquals(djl.getEmbeddingSize(), ours.getEmbeddingSize());
        assertEquals(djl.getTokenDictionarySize(), ours.getTokenDictionarySize());
        assertEquals(djl.getTypeDictionarySize(), ours.getTypeDictionarySize());
        Shape[] shapes = BertFixture.shapes(5, TOKENS);
        assertArrayEquals(djl.getOutputShapes(shapes), ours.getOutputShapes(shapes));
        assertEquals(djl.getParameters().keys(), ours.getParameters().keys());
        assertEquals(djl.describeInput(), ours.describeInput());
        ParameterStore store = new ParameterStore(manager, false);
        assertArrayEquals(
                djl.getTokenEmbedding().getValue(store, manager.getDevice(), false).toFloatArray(),
                ours.getTokenEmbedding()
                        .getValue(store, manager.getDevice(), false)
                        .toFloatArray());
    }

    @Test
    void presetsHaveTheShapesOfDjls() {
        assertPreset(
                BertBlock.builder().setTokenDictionarySize(5).nano().build(),
                FlashBertBlock.builder().setTokenDictionarySize(5).nano().build());
        assertPreset(
                BertBlock.builder().setTokenDictionarySize(5).micro().build(),
                FlashBertBlock.builder().setTokenDictionarySize(5).micro().build());
        assertPreset(
                BertBlock.builder().setTokenDictionarySize(5).base().build(),
                FlashBertBlock.builder().setTokenDictionarySize(5).base().build());
        assertPreset(
                BertBlock.builder().setTokenDictionarySize(5).large().build(),
                FlashBertBlock.builder().setTokenDictionarySize(5).large().build());
        assertPreset(
                BertBlock.builder().setTokenDictionarySize(5).build(),
                FlashBertBlock.builder().setTokenDictionarySize(5).build());
    }

    private static void assertPreset(BertBlock expected, FlashBertBlock actual) {
        assertEquals(expected.getParameters().keys(), actual.getParameters().keys());
        assertEquals(expected.getEmbeddingSize(), actual.getEmbeddingSize());
        assertEquals(expected.getTypeDictionarySize(), actual.getTypeDictionarySize());
        assertEquals(
                expected.getDirectParameters().get("positionEmbedding").getShape(),
                actual.getDirectParameters().get("positionEmbedding").getShape());
        assertEquals(hiddenSize(expected), hiddenSize(actual));
    }

    private static long hiddenSize(Block bert) {
        Block feedForward =
                bert.getChildren().get("05transformer_0").getChildren().get("03outputBlock");
        Block linear = feedForward.getChildren().valueAt(0);
        return linear.getOutputShapes(new Shape[] {new Shape(1)})[0].get(0);
    }

    @Test
    void takesShorterSequencesIfWished() throws Exception {
        int tokens = 4;
        NDList inputs = BertFixture.inputs(manager, 1, 3, tokens);
        FlashBertBlock slicing = flash(builder -> builder.optSlicePositions(true));
        FlashBertBlock small = BertFixture.flash().optMaxSequenceLength(tokens).build();
        small.initialize(manager, DataType.FLOAT32, BertFixture.shapes(3, tokens));
        for (Pair<String, Parameter> named : small.getParameters()) {
            float[] values = djl.getParameters().get(named.getKey()).getArray().toFloatArray();
            NDArray target = named.getValue().getArray();
            target.set(Arrays.copyOf(values, Math.toIntExact(target.getShape().size())));
        }
        NDList expected = infer(small, inputs);
        NDList actual = infer(slicing, inputs);
        assertEquals(new Shape(3, tokens, SIZE), actual.head().getShape());
        for (int i = 0; i < 2; i++) {
            Closeness.assertClose(
                    "output " + i, Closeness.toDoubles(expected.get(i)), actual.get(i), ROUNDING);
        }
        assertThrows(EngineException.class, () -> infer(djl, inputs), "DJL's block needs all");
    }

    @Test
    void slicedPositionsGetGradients() throws Exception {
        FlashBertBlock slicing = flash(builder -> builder.optSlicePositions(true));
        NDList inputs = BertFixture.inputs(manager, 1, 3, 4);
        double[] gradient =
                Blocks.run(slicing, manager, inputs, true).gradients().get("positionEmbedding");
        assertTrue(Arrays.stream(gradient, 0, 4 * SIZE).anyMatch(g -> Math.abs(g) > 1e-3));
        assertTrue(Arrays.stream(gradient, 4 * SIZE, TOKENS * SIZE).allMatch(g -> g == 0));
    }

    @Test
    void poolsTheFirstTokenIfWished() throws Exception {
        FlashBertBlock ours = flash(builder -> builder.optPoolFirstToken(true));
        FlashBertBlock asDjl = flash(builder -> builder);
        for (int batch : new int[] {1, 3}) {
            NDList inputs = BertFixture.inputs(manager, 1, batch, TOKENS);
            NDList outputs = infer(ours, inputs);
            assertEquals(new Shape(batch, SIZE), outputs.get(1).getShape());
            Closeness.assertClose("first", pool(outputs.head(), 0), outputs.get(1), ROUNDING);
            NDList second = infer(asDjl, inputs);
            assertEquals(
                    batch == 1 ? new Shape(SIZE) : new Shape(batch, SIZE),
                    second.get(1).getShape());
            Closeness.assertClose("second", pool(second.head(), 1), second.get(1), ROUNDING);
        }
    }

    /** tanh(W token + b), loop by loop. */
    private double[] pool(NDArray sequence, int token) {
        double[] states = Closeness.toDoubles(sequence);
        double[] weight =
                Closeness.toDoubles(
                        djl.getParameters().get("07poolingProjection_weight").getArray());
        double[] bias =
                Closeness.toDoubles(djl.getParameters().get("07poolingProjection_bias").getArray());
        int batch = Math.toIntExact(sequence.getShape().get(0));
        double[] pooled = new double[batch * SIZE];
        for (int b = 0; b < batch; b++) {
            for (int out = 0; out < SIZE; out++) {
                double sum = bias[out];
                for (int in = 0; in < SIZE; in++) {
                    sum += weight[out * SIZE + in] * states[(b * TOKENS + token) * SIZE + in];
                }
                pooled[b * SIZE + out] = Math.tanh(sum);
            }
        }
        return pooled;
    }

    @Test
    void encodersTakeTheirOptions() throws Exception {
        NDList inputs = BertFixture.inputs(manager, 1, 3, TOKENS);
        double[] djls = Closeness.toDoubles(infer(djl, inputs).head());
        FlashBertBlock masked =
                flash(
                        builder ->
                                builder.optEncoder(
                                        encoder ->
                                                encoder.optAttention(
                                                        a -> a.optMaskedRowsZero(true))));
        Closeness.assertClose("mask", djls, infer(masked, inputs).head(), ROUNDING);
        FlashBertBlock paper =
                flash(
                        builder ->
                                builder.optEncoder(
                                        encoder -> encoder.optResidualFromAttention(true)));
        double[] other = Closeness.toDoubles(infer(paper, inputs).head());
        assertThrows(
                AssertionError.class, () -> Closeness.assertClose("residual", djls, other, 0.01));
    }

    @Test
    void paddingHasNoEffectOnTokens() throws Exception {
        FlashBertBlock ours = flash(builder -> builder);
        NDList inputs = BertFixture.inputs(manager, 1, 2, TOKENS);
        double[] before = Closeness.toDoubles(infer(ours, inputs).head());
        // The second row ends with one token of padding.
        long[] ids = inputs.head().toLongArray();
        int last = 2 * TOKENS - 1;
        ids[last] = (ids[last] + 1) % BertFixture.DICTIONARY;
        inputs.set(0, manager.create(ids, new Shape(2, TOKENS)));
        double[] after = Closeness.toDoubles(infer(ours, inputs).head());
        Closeness.assertClose(
                "tokens",
                Arrays.copyOf(before, last * SIZE),
                Arrays.copyOf(after, last * SIZE),
                1e-6);
        assertFalse(Arrays.equals(before, after), "the padding's own state");
    }

    @Test
    void dropoutActsInTrainingAlone() throws Exception {
        FlashBertBlock dropping =
                flash(
                        builder ->
                                builder.optHiddenDropoutProbability(0.5f)
                                        .optEncoder(UnaryOperator.identity()));
        FlashBertBlock without = flash(builder -> builder);
        NDList inputs = BertFixture.inputs(manager, 1, 3, TOKENS);
        assertArrayEquals(
                Closeness.toDoubles(infer(without, inputs).head()),
                Closeness.toDoubles(infer(dropping, inputs).head()));
        double[] first = Blocks.run(dropping, manager, inputs, true).outputs().get(0);
        double[] second = Blocks.run(dropping, manager, inputs, true).outputs().get(0);
        assertFalse(Arrays.equals(first, second));
    }

    @Test
    void leavesNoIntermediateArrays() throws Exception {
        FlashBertBlock ours = flash(builder -> builder.optSlicePositions(true));
        int parameters = manager.getManagedArrays().size();
        try (NDManager owner = manager.newSubManager()) {
            NDList inputs = BertFixture.inputs(owner, 1, 3, 4);
            int before = owner.getManagedArrays().size();
            NDList outputs = infer(ours, inputs);
            assertEquals(owner, outputs.head().getManager());
            assertEquals(before + 2, owner.getManagedArrays().size());
        }
        assertEquals(parameters, manager.getManagedArrays().size());
    }

    @Test
    void refusesBadInputs() throws Exception {
        FlashBertBlock ours = flash(builder -> builder);
        FlashBertBlock slicing = flash(builder -> builder.optSlicePositions(true));
        NDList good = BertFixture.inputs(manager, 1, 2, TOKENS);
        NDList shorter = BertFixture.inputs(manager, 1, 2, 4);
        NDList longer = BertFixture.inputs(manager, 1, 2, TOKENS + 1);
        NDList single = BertFixture.inputs(manager, 1, 2, 1);
        assertRefused(ours, "1 inputs", new NDList(good.head()));
        assertRefused(
                ours,
                "token ids of shape (14)",
                new NDList(good.head().flatten(), good.get(1), good.get(2)));
        assertRefused(
                ours,
                "type ids of shape (2, 4)",
                new NDList(good.head(), shorter.get(1), good.get(2)));
        assertRefused(
                ours, "mask of shape (2, 4)", new NDList(good.head(), good.get(1), shorter.get(2)));
        assertRefused(ours, "4 tokens, allowed is the maximum sequence length 7", shorter);
        assertRefused(slicing, "8 tokens, allowed are up to 7", longer);
        assertRefused(slicing, "1 tokens, allowed are at least 2", single);
        assertEquals(2, infer(slicing, shorter).size(), "still works");
    }

    private void assertRefused(Block block, String part, NDList inputs) {
        String message =
                assertThrows(IllegalArgumentException.class, () -> infer(block, inputs))
                        .getMessage();
        assertTrue(message.contains(part), message);
    }

    @Test
    void refusesBadConfigurations() {
        assertEquals(
                "Token dictionary size 0, allowed is at least 1",
                assertThrows(IllegalArgumentException.class, () -> FlashBertBlock.builder().build())
                        .getMessage());
        assertThrows(
                IllegalArgumentException.class,
                () -> BertFixture.flash().optTransformerBlockCount(0).build());
        assertThrows(
                IllegalStateException.class,
                () -> BertFixture.flash().optAttentionHeadCount(5).build());
    }

    private NDList infer(Block block, NDList inputs) {
        return block.forward(new ParameterStore(manager, false), inputs, false);
    }

    private FlashBertBlock flash(UnaryOperator<FlashBertBlock.Builder> options) throws Exception {
        FlashBertBlock ours = options.apply(BertFixture.flash()).build();
        Blocks.copy(djl, ours, manager, BertFixture.shapes(2, TOKENS));
        return ours;
    }
}
