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
import ai.djl.nn.Block;
import ai.djl.nn.core.Linear;
import ai.djl.nn.transformer.ScaledDotProductAttentionBlock;
import ai.djl.training.ParameterStore;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.djlflash.testkit.Closeness;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

class FlashScaledDotProductAttentionBlockTest {

    private static final double ROUNDING = 1e-5;
    private static final int SIZE = 12;
    private static final int HEADS = 3;

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

    /** Sizes, the number of inputs, and the mask's shape if there is one. */
    record Case(int batch, int queries, int keys, boolean cross, long[] mask, boolean training) {

        NDList inputs(NDManager manager) {
            NDList inputs = new NDList(Blocks.normal(manager, 1, batch, keys, SIZE));
            if (cross) {
                inputs.add(Blocks.normal(manager, 2, batch, queries, SIZE));
                inputs.add(Blocks.normal(manager, 3, batch, keys, SIZE));
            }
            if (mask != null && mask.length == 4) {
                inputs.add(Blocks.mask(manager, 4, mask).sub(1).mul(2.5f));
            } else if (mask != null) {
                inputs.add(Blocks.mask(manager, 4, mask).toType(DataType.INT64, false));
            }
            return inputs;
        }

        @Override
        public String toString() {
            return batch
                    + "x"
                    + queries
                    + "x"
                    + keys
                    + (cross ? " cross" : " self")
                    + " mask "
                    + Arrays.toString(mask)
                    + (training ? " training" : " inference");
        }
    }

    static Stream<Case> cases() {
        List<Case> cases = new ArrayList<>();
        for (boolean training : new boolean[] {false, true}) {
            for (int[] s : new int[][] {{2, 5}, {1, 5}, {3, 1}, {1, 1}}) {
                int b = s[0];
                int t = s[1];
                for (long[] mask :
                        new long[][] {
                            null,
                            {b, t, t},
                            {b * t, t},
                            {b, 1, t, t},
                            {b, 1, 1, t},
                            {b, HEADS, t, t}
                        }) {
                    cases.add(new Case(b, t, t, false, mask, training));
                }
            }
            for (int[] s : new int[][] {{2, 4, 7}, {2, 7, 4}, {1, 1, 6}, {1, 6, 1}}) {
                int b = s[0];
                int t = s[1];
                int f = s[2];
                for (long[] mask : new long[][] {null, {b, t, f}, {b, 1, t, f}, {1, 1, 1, f}}) {
                    cases.add(new Case(b, t, f, true, mask, training));
                }
            }
        }
        return cases.stream();
    }

    @ParameterizedTest
    @MethodSource("cases")
    void equalsDjlsBlock(Case test) throws Exception {
        NDList inputs = test.inputs(manager);
        Block djl = djl(inputs.getShapes());
        FlashScaledDotProductAttentionBlock ours = flash(djl, b -> b, inputs.getShapes());
        Blocks.assertClose(
                Blocks.run(djl, manager, inputs, test.training()),
                Blocks.run(ours, manager, inputs, test.training()),
                ROUNDING);
    }

    @ParameterizedTest
    @EnumSource(
            value = DataType.class,
            names = {"BOOLEAN", "INT32", "INT64"})
    void addsMasksOfRank4OfAnyTypeAsDjlsBlock(DataType type) throws Exception {
        NDArray x = Blocks.normal(manager, 1, 2, 5, SIZE);
        NDArray mask = Blocks.mask(manager, 4, 2, 1, 5, 5).toType(type, false);
        Block djl = djl(x.getShape());
        Block ours = flash(djl, b -> b, x.getShape());
        Closeness.assertClose(
                "output",
                Closeness.toDoubles(Blocks.infer(djl, manager, x, mask).head()),
                Blocks.infer(ours, manager, x, mask).head(),
                ROUNDING);
    }

    @Test
    void maskedRowAttendsToAllKeysAsInDjlsBlock() throws Exception {
        NDArray x = Blocks.normal(manager, 1, 2, 5, SIZE);
        NDArray mask = maskWithEmptyRow();
        Block djl = djl(x.getShape());
        Block ours = flash(djl, b -> b, x.getShape());
        double[] output = Closeness.toDoubles(Blocks.infer(ours, manager, x, mask).head());
        // At scores of -100000, FLOAT32 has steps of 1/128: two roundings of a score may differ by
        // one, which moves a probability by less than 1%.
        Closeness.assertClose(
                "DJL's",
                Closeness.toDoubles(Blocks.infer(djl, manager, x, mask).head()),
                output,
                1e-2);
        double[] unmasked = Closeness.toDoubles(Blocks.infer(djl, manager, x).head());
        Closeness.assertClose("row", row(unmasked, 3), row(output, 3), 1e-2);
    }

    @Test
    void maskedRowIsZeroIfWished() throws Exception {
        NDArray x = Blocks.normal(manager, 1, 2, 5, SIZE);
        NDArray mask = maskWithEmptyRow();
        Block djl = djl(x.getShape());
        FlashScaledDotProductAttentionBlock ours =
                flash(djl, b -> b.optMaskedRowsZero(true), x.getShape());
        double[] output = Closeness.toDoubles(Blocks.infer(ours, manager, x, mask).head());
        double[] bias =
                Closeness.toDoubles(
                        ours.getResultProjection().getDirectParameters().get("bias").getArray());
        assertArrayEquals(bias, row(output, 3), "zero, projected");
        double[] djls = Closeness.toDoubles(Blocks.infer(djl, manager, x, mask).head());
        for (int row = 0; row < 10; row++) {
            if (row != 3) {
                Closeness.assertClose("row " + row, row(djls, row), row(output, row), ROUNDING);
            }
        }
        NDArray keep = mask.reshape(2, 1, 5, 5).toType(DataType.BOOLEAN, false);
        assertArrayEquals(
                output,
                Closeness.toDoubles(Blocks.infer(ours, manager, x, keep).head()),
                "BOOLEAN of rank 4");
    }

    @Test
    void noGradientFlowsFromMaskedRowIfZero() throws Exception {
        NDArray x = Blocks.normal(manager, 1, 1, 3, SIZE);
        NDArray nothing = manager.zeros(new Shape(1, 3, 3));
        Block djl = djl(x.getShape());
        Block ours = flash(djl, b -> b.optMaskedRowsZero(true), x.getShape());
        Blocks.Pass pass = Blocks.run(ours, manager, new NDList(x, nothing), true);
        assertArrayEquals(new double[3 * SIZE], pass.gradients().get("first input"));
        assertArrayEquals(
                new double[SIZE * SIZE], pass.gradients().get("03valueProjection_weight"));
        Blocks.Pass spread = Blocks.run(djl, manager, new NDList(x, nothing), true);
        assertTrue(
                Arrays.stream(spread.gradients().get("first input")).anyMatch(g -> g != 0),
                "DJL's block spreads");
    }

    @Test
    void causalEqualsDjlsBlockWithTriangularMask() throws Exception {
        NDArray keys = Blocks.normal(manager, 1, 2, 6, SIZE);
        NDArray queries = Blocks.normal(manager, 2, 2, 4, SIZE);
        float[] triangle = new float[2 * 4 * 6];
        for (int i = 0; i < triangle.length; i++) {
            int query = i / 6 % 4;
            triangle[i] = i % 6 <= query + 2 ? 1 : 0;
        }
        NDArray mask = manager.create(triangle, new Shape(2, 4, 6));
        NDList inputs = new NDList(keys, queries, keys);
        Block djl = djl(inputs.getShapes());
        Block ours = flash(djl, b -> b.optCausal(true), inputs.getShapes());
        Blocks.assertClose(
                Blocks.run(djl, manager, new NDList(keys, queries, keys, mask), true),
                Blocks.run(ours, manager, inputs, true),
                ROUNDING);
    }

    @Test
    void computesInTheTypeWished() throws Exception {
        NDList inputs = new NDList(Blocks.normal(manager, 1, 2, 9, SIZE));
        inputs.add(Blocks.mask(manager, 4, 2, 9, 9));
        Block djl = djl(inputs.getShapes());
        Block ours = flash(djl, b -> b.optComputeType(DataType.BFLOAT16), inputs.getShapes());
        Blocks.Pass exact = Blocks.run(djl, manager, inputs, true);
        Blocks.Pass rounded = Blocks.run(ours, manager, inputs, true);
        Blocks.assertClose(exact, rounded, 3e-2);
        assertThrows(
                AssertionError.class,
                () -> Blocks.assertClose(exact, rounded, ROUNDING),
                "BFLOAT16 must show");
    }

    @Test
    void dropoutKeepsTheMeanAndAddsItsVariance() throws Exception {
        float rate = 0.25f;
        int keys = 6;
        int queries = 8192;
        NDArray x = Blocks.normal(manager, 1, 1, keys, SIZE);
        NDArray q = manager.zeros(new Shape(1, queries, SIZE));
        FlashScaledDotProductAttentionBlock block =
                FlashScaledDotProductAttentionBlock.builder()
                        .setEmbeddingSize(SIZE)
                        .setHeadCount(1)
                        .optAttentionProbsDropoutProb(rate)
                        .build();
        block.initialize(manager, DataType.FLOAT32, x.getShape(), q.getShape(), x.getShape());
        identity(block.getValueProjection());
        identity(block.getResultProjection());
        ParameterStore store = new ParameterStore(manager, false);
        NDList inputs = new NDList(x, q, x);
        double[] samples = Closeness.toDoubles(block.forward(store, inputs, true).head());
        double[] exact = Closeness.toDoubles(block.forward(store, inputs, false).head());
        double[] values = Closeness.toDoubles(x);
        for (int e = 0; e < SIZE; e++) {
            // Queries of 0 weigh all keys by 1 / keys.
            double expected = 0;
            double squares = 0;
            for (int f = 0; f < keys; f++) {
                expected += values[f * SIZE + e] / keys;
                squares += Math.pow(values[f * SIZE + e] / keys, 2);
            }
            double variance = squares * rate / (1 - rate);
            double sum = 0;
            double sumOfSquares = 0;
            for (int t = 0; t < queries; t++) {
                double sample = samples[t * SIZE + e];
                sum += sample;
                sumOfSquares += Math.pow(sample - expected, 2);
                assertEquals(expected, exact[t * SIZE + e], 1e-6, "inference drops nothing");
            }
            assertEquals(expected, sum / queries, 5 * Math.sqrt(variance / queries));
            assertEquals(1, sumOfSquares / queries / variance, 0.1);
        }
    }

    @Test
    void leavesNoIntermediateArrays() throws Exception {
        NDArray x = Blocks.normal(manager, 1, 2, 5, SIZE);
        Block ours = flash(djl(x.getShape()), b -> b, x.getShape());
        try (NDManager owner = manager.newSubManager()) {
            NDArray input = x.duplicate();
            input.attach(owner);
            NDArray mask = Blocks.mask(owner, 4, 2, 5, 5);
            int parameters = manager.getManagedArrays().size();
            NDList output = Blocks.infer(ours, manager, input, mask);
            assertEquals(owner, output.head().getManager());
            assertEquals(owner, input.getManager());
            assertEquals(3, owner.getManagedArrays().size(), "input, mask and output");
            assertEquals(parameters + 1, manager.getManagedArrays().size());
        }
    }

    @Test
    void parametersAreAlwaysFloat32() {
        FlashScaledDotProductAttentionBlock block = builder().build();
        block.initialize(manager, DataType.FLOAT16, new Shape(2, 5, SIZE));
        block.getParameters()
                .values()
                .forEach(p -> assertEquals(DataType.FLOAT32, p.getArray().getDataType()));
    }

    @Test
    void outputShapeIsThatOfQueries() {
        FlashScaledDotProductAttentionBlock block = builder().build();
        Shape keys = new Shape(2, 5, SIZE);
        Shape queries = new Shape(2, 3, SIZE);
        Shape mask = new Shape(2, 3, 5);
        assertEquals(keys, block.getOutputShapes(new Shape[] {keys})[0]);
        assertEquals(keys, block.getOutputShapes(new Shape[] {keys, mask})[0]);
        assertEquals(queries, block.getOutputShapes(new Shape[] {keys, queries, keys})[0]);
        assertEquals(queries, block.getOutputShapes(new Shape[] {keys, queries, keys, mask})[0]);
        assertThrows(IllegalArgumentException.class, () -> block.getOutputShapes(new Shape[] {}));
    }

    @Test
    void refusesBadInputs() throws Exception {
        NDArray x = Blocks.normal(manager, 1, 2, 5, SIZE);
        Block block = flash(djl(x.getShape()), b -> b, x.getShape());
        NDArray three = Blocks.normal(manager, 1, 3, 5, SIZE);
        NDArray shorter = Blocks.normal(manager, 1, 2, 4, SIZE);
        assertRefused(block, "0 inputs, allowed are 1 to 4");
        assertRefused(block, "5 inputs, allowed are 1 to 4", x, x, x, x, x);
        assertRefused(block, "(2, 12)", Blocks.normal(manager, 1, 2, SIZE));
        assertRefused(block, "(2, 5, 7)", Blocks.normal(manager, 1, 2, 5, 7));
        assertRefused(block, "float64", x.toType(DataType.FLOAT64, false));
        assertRefused(block, "queries are float32 (3, 5, 12)", x, three, x);
        assertRefused(block, "values of shape (2, 4, 12)", x, x, shorter);
        assertRefused(block, "mask of shape (2, 5)", x, Blocks.mask(manager, 1, 2, 5));
        assertRefused(block, "bias of shape (2, 1, 5, 4)", x, Blocks.mask(manager, 1, 2, 1, 5, 4));
        assertFalse(Blocks.infer(block, manager, x).isEmpty(), "still works");
    }

    private void assertRefused(Block block, String part, NDArray... inputs) {
        String message =
                assertThrows(
                                IllegalArgumentException.class,
                                () -> Blocks.infer(block, manager, inputs))
                        .getMessage();
        assertTrue(message.contains(part), message);
    }

    @Test
    void refusesBadConfigurations() {
        assertEquals(
                "Embedding size not initialized: 0, allowed is at least 1",
                refusal(b -> b.setEmbeddingSize(0)));
        assertEquals(
                "Head count not initialized: -1, allowed is at least 1",
                refusal(b -> b.setHeadCount(-1)));
        assertEquals(
                "Embedding size (12) is not divisible by head count (5)",
                refusal(b -> b.setHeadCount(5)));
        FlashScaledDotProductAttentionBlock.Builder builder = builder();
        assertThrows(IllegalArgumentException.class, () -> builder.optAttentionProbsDropoutProb(1));
        assertThrows(IllegalArgumentException.class, () -> builder.optComputeType(DataType.INT32));
    }

    private static String refusal(
            UnaryOperator<FlashScaledDotProductAttentionBlock.Builder> change) {
        FlashScaledDotProductAttentionBlock.Builder builder = change.apply(builder());
        return assertThrows(IllegalStateException.class, builder::build).getMessage();
    }

    private NDArray maskWithEmptyRow() {
        float[] values = Blocks.mask(manager, 4, 2, 5, 5).toFloatArray();
        Arrays.fill(values, 15, 20, 0);
        return manager.create(values, new Shape(2, 5, 5));
    }

    private static double[] row(double[] values, int row) {
        return Arrays.copyOfRange(values, row * SIZE, (row + 1) * SIZE);
    }

    private static void identity(Linear linear) {
        NDArray weight = linear.getDirectParameters().get("weight").getArray();
        float[] values = new float[SIZE * SIZE];
        for (int i = 0; i < SIZE; i++) {
            values[i * SIZE + i] = 1;
        }
        weight.set(values);
    }

    private static ScaledDotProductAttentionBlock.Builder djlBuilder() {
        return ScaledDotProductAttentionBlock.builder()
                .setEmbeddingSize(SIZE)
                .setHeadCount(HEADS)
                .optAttentionProbsDropoutProb(0);
    }

    private static FlashScaledDotProductAttentionBlock.Builder builder() {
        return FlashScaledDotProductAttentionBlock.builder()
                .setEmbeddingSize(SIZE)
                .setHeadCount(HEADS)
                .optAttentionProbsDropoutProb(0);
    }

    private Block djl(Shape... shapes) {
        Block djl = djlBuilder().build();
        Blocks.initialize(djl, manager, shapes);
        return djl;
    }

    /** A block of ours with the parameters of DJL's, through a file. */
    private FlashScaledDotProductAttentionBlock flash(
            Block djl,
            UnaryOperator<FlashScaledDotProductAttentionBlock.Builder> options,
            Shape... shapes)
            throws Exception {
        FlashScaledDotProductAttentionBlock ours = options.apply(builder()).build();
        Blocks.copy(djl, ours, manager, shapes);
        return ours;
    }
}
