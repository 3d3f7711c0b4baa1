package org.djlflash.nn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.engine.Engine;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Activation;
import ai.djl.nn.Block;
import ai.djl.nn.transformer.TransformerEncoderBlock;
import ai.djl.training.ParameterStore;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.djlflash.testkit.Closeness;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class FlashTransformerEncoderBlockTest {

    private static final double ROUNDING = 1e-5;
    private static final int SIZE = 8;
    private static final int HEADS = 2;
    private static final int HIDDEN = 20;

    private NDManager manager;

    @BeforeEach
    void open() {
        Engine.getInstance().setRandomSeed(7);
        manager = NDManager.newBaseManager();
    }

    @AfterEach
    void close() {
        manager.close();
    }

    record Case(int batch, int tokens, long[] mask, boolean training) {

        @Override
        public String toString() {
            return batch
                    + "x"
                    + tokens
                    + " mask "
                    + Arrays.toString(mask)
                    + (training ? " training" : " inference");
        }
    }

    static Stream<Case> cases() {
        List<Case> cases = new ArrayList<>();
        for (boolean training : new boolean[] {false, true}) {
            for (int[] s : new int[][] {{3, 6}, {1, 6}, {4, 1}}) {
                int b = s[0];
                int t = s[1];
                for (long[] mask : new long[][] {null, {b, t, t}, {b, 1, t, t}, {b, 1, 1, t}}) {
                    cases.add(new Case(b, t, mask, training));
                }
            }
        }
        return cases.stream();
    }

    @ParameterizedTest
    @MethodSource("cases")
    void equalsDjlsBlock(Case test) throws Exception {
        NDArray x = Blocks.normal(manager, 1, test.batch(), test.tokens(), SIZE);
        NDList inputs = new NDList(x);
        if (test.mask() != null) {
            NDArray mask = Blocks.mask(manager, 4, test.mask());
            inputs.add(test.mask().length == 4 ? mask.sub(1).mul(2.5f) : mask);
        }
        Block djl = djl(x.getShape());
        Block ours = new FlashTransformerEncoderBlock(SIZE, HEADS, HIDDEN, 0f, Activation::gelu);
        Blocks.copy(djl, ours, manager, x.getShape());
        Blocks.assertClose(
                Blocks.run(djl, manager, inputs, test.training()),
                Blocks.run(ours, manager, inputs, test.training()),
                ROUNDING);
    }

    @Test
    void takesThreeInputsAsDjlsBlock() throws Exception {
        NDList inputs =
                new NDList(
                        Blocks.normal(manager, 1, 2, 5, SIZE),
                        Blocks.normal(manager, 2, 2, 5, SIZE),
                        Blocks.normal(manager, 3, 2, 5, SIZE));
        Block djl = djl(inputs.head().getShape());
        Block ours = builder().build();
        Blocks.copy(djl, ours, manager, inputs.head().getShape());
        Blocks.assertClose(
                Blocks.run(djl, manager, inputs, true),
                Blocks.run(ours, manager, inputs, true),
                ROUNDING);
    }

    @Test
    void trainingUpdatesStatistics() throws Exception {
        NDArray x = Blocks.normal(manager, 1, 3, 6, SIZE);
        Block block = builder().build();
        Blocks.initialize(block, manager, x.getShape());
        double[] before =
                Closeness.toDoubles(
                        block.getParameters().get("02attentionNorm_runningMean").getArray());
        Blocks.Pass pass = Blocks.run(block, manager, new NDList(x), true);
        assertFalse(Arrays.equals(before, pass.parameters().get("02attentionNorm_runningMean")));
        Blocks.Pass inference = Blocks.run(block, manager, new NDList(x), false);
        assertArrayEquals(
                pass.parameters().get("02attentionNorm_runningMean"),
                inference.parameters().get("02attentionNorm_runningMean"));
    }

    @Test
    void secondResidualIsTheFeedForwardInputIfWished() throws Exception {
        NDArray x = Blocks.normal(manager, 1, 2, 5, SIZE);
        FlashTransformerEncoderBlock ours = builder().optResidualFromAttention(true).build();
        Block djl = djl(x.getShape());
        Blocks.copy(djl, ours, manager, x.getShape());
        ParameterStore store = new ParameterStore(manager, false);
        List<Block> parts = djl.getChildren().values();
        NDArray attended =
                parts.get(0).forward(store, new NDList(x), false).singletonOrThrow().add(x);
        NDList normalized = parts.get(1).forward(store, new NDList(attended), false);
        NDArray fed = parts.get(2).forward(store, normalized, false).singletonOrThrow();
        NDArray paper =
                parts.get(3)
                        .forward(store, new NDList(fed.add(normalized.head())), false)
                        .singletonOrThrow();
        double[] output = Closeness.toDoubles(Blocks.infer(ours, manager, x).head());
        Closeness.assertClose("paper", Closeness.toDoubles(paper), output, ROUNDING);
        double[] djls = Closeness.toDoubles(Blocks.infer(djl, manager, x).head());
        assertThrows(
                AssertionError.class,
                () -> Closeness.assertClose("DJL's", djls, output, 0.01),
                "DJL's block adds its input");
    }

    @Test
    void initializesWithTheMasksShape() throws Exception {
        NDArray x = Blocks.normal(manager, 1, 2, 5, SIZE);
        NDArray mask = Blocks.mask(manager, 4, 2, 5, 5);
        Block explicit = builder().build();
        explicit.initialize(manager, DataType.FLOAT32, x.getShape(), mask.getShape());
        assertTrue(explicit.isInitialized());
        Block implicit = builder().build();
        implicit.forward(new ParameterStore(manager, false), new NDList(x, mask), true);
        assertTrue(implicit.isInitialized());
        assertEquals(x.getShape(), implicit.getOutputShapes(implicit.getInputShapes())[0]);

        Block djl = djl(x.getShape());
        Blocks.load(djl, manager, Blocks.save(explicit));
        Closeness.assertClose(
                "DJL's block with our file",
                Closeness.toDoubles(Blocks.infer(explicit, manager, x, mask).head()),
                Blocks.infer(djl, manager, x, mask).head(),
                ROUNDING);
    }

    @Test
    void dropoutActsInTrainingAlone() throws Exception {
        NDArray x = Blocks.normal(manager, 1, 2, 5, SIZE);
        Block without = builder().build();
        Blocks.initialize(without, manager, x.getShape());
        Block with = builder().optDropoutProbability(0.5f).build();
        Blocks.copy(without, with, manager, x.getShape());
        assertArrayEquals(
                Closeness.toDoubles(Blocks.infer(without, manager, x).head()),
                Closeness.toDoubles(Blocks.infer(with, manager, x).head()));
        NDList inputs = new NDList(x);
        Engine.getInstance().setRandomSeed(1);
        double[] first = Blocks.run(with, manager, inputs, true).outputs().get(0);
        Engine.getInstance().setRandomSeed(1);
        assertArrayEquals(first, Blocks.run(with, manager, inputs, true).outputs().get(0));
        assertFalse(
                Arrays.equals(first, Blocks.run(with, manager, inputs, true).outputs().get(0)),
                "another draw");
    }

    @Test
    void attentionTakesItsOptions() throws Exception {
        NDArray x = Blocks.normal(manager, 1, 2, 5, SIZE);
        Block plain = builder().build();
        Blocks.initialize(plain, manager, x.getShape());
        Block causal = builder().optAttention(attention -> attention.optCausal(true)).build();
        Blocks.copy(plain, causal, manager, x.getShape());
        NDArray mask = manager.create(lowerTriangle(2, 5), new Shape(2, 5, 5));
        Closeness.assertClose(
                "causal",
                Closeness.toDoubles(Blocks.infer(plain, manager, x, mask).head()),
                Blocks.infer(causal, manager, x).head(),
                ROUNDING);
    }

    @Test
    void leavesNoIntermediateArrays() throws Exception {
        Block ours = builder().build();
        Blocks.initialize(ours, manager, new Shape(2, 5, SIZE));
        try (NDManager owner = manager.newSubManager()) {
            NDArray input = Blocks.normal(owner, 1, 2, 5, SIZE);
            NDArray mask = Blocks.mask(owner, 4, 2, 5, 5);
            int parameters = manager.getManagedArrays().size();
            NDList output = Blocks.infer(ours, manager, input, mask);
            assertEquals(owner, output.head().getManager());
            assertEquals(3, owner.getManagedArrays().size(), "input, mask and output");
            assertEquals(parameters + 1, manager.getManagedArrays().size());
        }
    }

    @Test
    void refusesBadConfigurationsAndInputs() {
        assertEquals(
                "Hidden size not initialized: 0, allowed is at least 1",
                assertThrows(IllegalStateException.class, builder().setHiddenSize(0)::build)
                        .getMessage());
        assertEquals(
                "Embedding size (8) is not divisible by head count (3)",
                assertThrows(IllegalStateException.class, builder().setHeadCount(3)::build)
                        .getMessage());
        assertThrows(IllegalArgumentException.class, builder().optDropoutProbability(-0.1f)::build);
        Block block = builder().build();
        block.initialize(manager, DataType.FLOAT32, new Shape(2, 5, SIZE));
        NDArray wide = Blocks.normal(manager, 1, 2, 5, SIZE + 1);
        assertThrows(IllegalArgumentException.class, () -> Blocks.infer(block, manager, wide));
        assertThrows(IllegalArgumentException.class, () -> Blocks.infer(block, manager));
    }

    private static float[] lowerTriangle(int batch, int size) {
        float[] values = new float[batch * size * size];
        for (int i = 0; i < values.length; i++) {
            values[i] = i % size <= i / size % size ? 1 : 0;
        }
        return values;
    }

    private static FlashTransformerEncoderBlock.Builder builder() {
        return FlashTransformerEncoderBlock.builder()
                .setEmbeddingSize(SIZE)
                .setHeadCount(HEADS)
                .setHiddenSize(HIDDEN)
                .optDropoutProbability(0);
    }

    private Block djl(Shape shape) {
        Block djl = new TransformerEncoderBlock(SIZE, HEADS, HIDDEN, 0f, Activation::gelu);
        Blocks.initialize(djl, manager, shape);
        return djl;
    }
}
