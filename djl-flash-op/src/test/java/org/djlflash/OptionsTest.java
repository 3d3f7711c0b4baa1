package org.djlflash;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.engine.Engine;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import java.util.Arrays;
import java.util.Random;
import java.util.stream.Stream;
import org.djlflash.testkit.Closeness;
import org.djlflash.testkit.DoubleAttention;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Scale, dropout, and masks and biases of every shape that broadcasts. */
class OptionsTest {

    static final int B = 2;
    static final int N = 4;
    static final int T = 5;
    static final int F = 7;
    static final int H = 8;
    private static final double TOLERANCE = 2e-5;

    @ParameterizedTest
    @EnumSource(value = Backend.class, names = "CUDA", mode = EnumSource.Mode.EXCLUDE)
    void scaleIsAnyFiniteNumber(Backend backend) {
        for (double scale : new double[] {0, -0.7, 1.0 / H, 3}) {
            try (NDManager manager = Fixtures.manager()) {
                NDArray q = Fixtures.leaf(Fixtures.gaussian(manager, 1, B, N, T, H));
                NDArray k = Fixtures.leaf(Fixtures.gaussian(manager, 2, B, 2, F, H));
                NDArray v = Fixtures.leaf(Fixtures.gaussian(manager, 3, B, 2, F, H));
                NDArray weights = Fixtures.gaussian(manager, 4, B, N, T, H);
                AttentionOptions options = on(backend).optScale(scale).build();
                NDArray output =
                        Fixtures.backward(() -> FlashAttention.attend(q, k, v, options), weights);
                assertMatches(
                        Fixtures.expected(q, k, v, weights, scale, (b, n, t, f) -> true, null),
                        output,
                        q,
                        k,
                        v);
            }
        }
    }

    @ParameterizedTest
    @EnumSource(value = Backend.class, names = "CUDA", mode = EnumSource.Mode.EXCLUDE)
    void scaleIsOneOverTheRootOfTheHeadSizeByDefault(Backend backend) {
        try (NDManager manager = Fixtures.manager()) {
            NDArray q = Fixtures.gaussian(manager, 1, B, N, T, H);
            NDArray k = Fixtures.gaussian(manager, 2, B, N, F, H);
            AttentionOptions given = on(backend).optScale(1 / Math.sqrt(H)).build();
            AttentionOptions other = on(backend).optScale(0.1).build();
            float[] expected = FlashAttention.attend(q, k, k, given).toFloatArray();
            assertArrayEquals(
                    expected, FlashAttention.attend(q, k, k, on(backend).build()).toFloatArray());
            assertTrue(
                    !Arrays.equals(expected, FlashAttention.attend(q, k, k, other).toFloatArray()));
        }
    }

    /** Every way in which an array is broadcast to (B, N, T, F). */
    static Stream<Shape> shapes() {
        return Stream.of(
                new Shape(),
                new Shape(1),
                new Shape(F),
                new Shape(T, F),
                new Shape(T, 1),
                new Shape(1, F),
                new Shape(1, T, F),
                new Shape(N, T, F),
                new Shape(N, 1, 1),
                new Shape(1, 1, 1, 1),
                new Shape(B, 1, 1, F),
                new Shape(1, N, 1, F),
                new Shape(B, 1, T, F),
                new Shape(B, N, T, 1),
                new Shape(1, N, T, F),
                new Shape(B, N, T, F));
    }

    static Stream<Arguments> broadcastShapes() {
        return Fixtures.CPU_BACKENDS.stream()
                .flatMap(backend -> shapes().map(shape -> Arguments.of(backend, shape)));
    }

    @ParameterizedTest
    @MethodSource("broadcastShapes")
    void maskIsBroadcast(Backend backend, Shape shape) {
        Random random = new Random(5);
        boolean[] seen = new boolean[(int) shape.size()];
        for (int i = 0; i < seen.length; i++) {
            seen[i] = random.nextInt(3) > 0;
        }
        try (NDManager manager = Fixtures.manager()) {
            NDArray q = Fixtures.leaf(Fixtures.gaussian(manager, 6, B, N, T, H));
            NDArray k = Fixtures.leaf(Fixtures.gaussian(manager, 7, B, 2, F, H));
            NDArray v = Fixtures.leaf(Fixtures.gaussian(manager, 8, B, 2, F, H));
            NDArray weights = Fixtures.gaussian(manager, 9, B, N, T, H);
            AttentionOptions options =
                    on(backend).optScale(0.3).optMask(manager.create(seen, shape)).build();
            NDArray output =
                    Fixtures.backward(() -> FlashAttention.attend(q, k, v, options), weights);
            assertMatches(
                    Fixtures.expected(
                            q,
                            k,
                            v,
                            weights,
                            0.3,
                            (b, n, t, f) -> seen[index(shape, b, n, t, f)],
                            null),
                    output,
                    q,
                    k,
                    v);
        }
    }

    @ParameterizedTest
    @MethodSource("broadcastShapes")
    void biasIsBroadcastAndItsGradientSummed(Backend backend, Shape shape) {
        Random random = new Random(10);
        float[] bias = new float[(int) shape.size()];
        for (int i = 0; i < bias.length; i++) {
            bias[i] =
                    random.nextInt(4) == 0
                            ? Float.NEGATIVE_INFINITY
                            : (float) random.nextGaussian();
        }
        double[] full = new double[B * N * T * F];
        forEachScore((at, b, n, t, f) -> full[at] = bias[index(shape, b, n, t, f)]);
        try (NDManager manager = Fixtures.manager()) {
            NDArray q = Fixtures.leaf(Fixtures.gaussian(manager, 11, B, N, T, H));
            NDArray k = Fixtures.leaf(Fixtures.gaussian(manager, 12, B, 2, F, H));
            NDArray v = Fixtures.leaf(Fixtures.gaussian(manager, 13, B, 2, F, H));
            NDArray biasArray = Fixtures.leaf(manager.create(bias, shape));
            NDArray weights = Fixtures.gaussian(manager, 14, B, N, T, H);
            AttentionOptions options = on(backend).optScale(0.3).optBias(biasArray).build();
            NDArray output =
                    Fixtures.backward(() -> FlashAttention.attend(q, k, v, options), weights);
            DoubleAttention.Result expected =
                    Fixtures.expected(
                            q,
                            k,
                            v,
                            weights,
                            0.3,
                            (b, n, t, f) -> full[at(b, n, t, f)] > Double.NEGATIVE_INFINITY,
                            full);
            assertMatches(expected, output, q, k, v);
            double[] gradient = new double[bias.length];
            forEachScore(
                    (at, b, n, t, f) -> gradient[index(shape, b, n, t, f)] += expected.bias()[at]);
            assertEquals(shape, biasArray.getGradient().getShape());
            Closeness.assertClose("dBias", gradient, biasArray.getGradient(), TOLERANCE);
        }
    }

    /** Hugging Face's masks are the lowest number, not minus infinity. */
    @ParameterizedTest
    @EnumSource(value = Backend.class, names = "CUDA", mode = EnumSource.Mode.EXCLUDE)
    void theLowestNumberIsABiasLikeAnyOther(Backend backend) {
        try (NDManager manager = Fixtures.manager()) {
            NDArray q = Fixtures.gaussian(manager, 15, 1, 1, 1, H);
            NDArray v = manager.create(new float[] {1, 3, 100}, new Shape(1, 1, 3, 1));
            NDArray value = v.broadcast(new Shape(1, 1, 3, H));
            AttentionOptions options =
                    on(backend)
                            .optBias(manager.full(new Shape(3), -Float.MAX_VALUE))
                            .optMask(manager.create(new boolean[] {true, true, false}))
                            .build();
            double[] mean = new double[H];
            Arrays.fill(mean, 2);
            Closeness.assertClose(
                    "output",
                    mean,
                    FlashAttention.attend(q, value.zerosLike(), value, options),
                    1e-6);
        }
    }

    @ParameterizedTest
    @EnumSource(value = Backend.class, names = "CUDA", mode = EnumSource.Mode.EXCLUDE)
    void nanInTheBiasIsNotHidden(Backend backend) {
        try (NDManager manager = Fixtures.manager()) {
            NDArray q = Fixtures.gaussian(manager, 16, 1, 1, 2, H);
            NDArray bias = manager.create(new float[] {0, Float.NaN, 0, 0}, new Shape(2, 2));
            AttentionOptions options = on(backend).optBias(bias).build();
            float[] output = FlashAttention.attend(q, q, q, options).toFloatArray();
            assertTrue(Float.isNaN(output[0]));
            assertTrue(Float.isFinite(output[H]));
        }
    }

    @ParameterizedTest
    @EnumSource(value = Backend.class, names = "CUDA", mode = EnumSource.Mode.EXCLUDE)
    void largeScoresDoNotOverflow(Backend backend) {
        for (CausalAlignment causal :
                new CausalAlignment[] {CausalAlignment.NONE, CausalAlignment.BOTTOM_RIGHT}) {
            try (NDManager manager = Fixtures.manager()) {
                NDArray q = Fixtures.leaf(Fixtures.gaussian(manager, 17, B, N, T, H).mul(500));
                NDArray k = Fixtures.leaf(Fixtures.gaussian(manager, 18, B, N, F, H).mul(500));
                NDArray v = Fixtures.leaf(Fixtures.gaussian(manager, 19, B, N, F, H));
                NDArray weights = Fixtures.gaussian(manager, 20, B, N, T, H);
                AttentionOptions options = on(backend).optCausal(causal).build();
                NDArray output =
                        Fixtures.backward(() -> FlashAttention.attend(q, k, v, options), weights);
                DoubleAttention.Result expected =
                        Fixtures.expected(
                                q,
                                k,
                                v,
                                weights,
                                1 / Math.sqrt(H),
                                (b, n, t, f) -> causal == CausalAlignment.NONE || f <= t + F - T,
                                null);
                Closeness.assertClose("output", expected.output(), output, TOLERANCE);
                // Keys this large multiply every rounding error.
                Closeness.assertClose("dQ", expected.query(), q.getGradient(), 1e-3);
                Closeness.assertClose("dK", expected.key(), k.getGradient(), 1e-3);
                Closeness.assertClose("dV", expected.value(), v.getGradient(), TOLERANCE);
            }
        }
    }

    @ParameterizedTest
    @EnumSource(value = Backend.class, names = "CUDA", mode = EnumSource.Mode.EXCLUDE)
    void noDropoutIsTheSameBitwise(Backend backend) {
        try (NDManager manager = Fixtures.manager()) {
            NDArray q = Fixtures.gaussian(manager, 21, B, N, T, H);
            AttentionOptions none = on(backend).build();
            AttentionOptions zero = on(backend).optDropout(0).build();
            AttentionOptions some = on(backend).optDropout(0.5f).build();
            float[] expected = FlashAttention.attend(q, q, q, none).toFloatArray();
            assertArrayEquals(expected, FlashAttention.attend(q, q, q, zero).toFloatArray());
            assertTrue(
                    !Arrays.equals(expected, FlashAttention.attend(q, q, q, some).toFloatArray()));
        }
    }

    /** With unit vectors as values, the output is the dropped probabilities themselves. */
    @ParameterizedTest
    @EnumSource(value = Backend.class, names = "CUDA", mode = EnumSource.Mode.EXCLUDE)
    void dropoutDropsItsShareAndScalesTheRest(Backend backend) {
        int keys = 64;
        int rows = 512;
        for (float rate : new float[] {0.17f, 0.48f, 0.999f}) {
            Engine.getEngine("PyTorch").setRandomSeed(22);
            try (NDManager manager = Fixtures.manager()) {
                NDArray q = Fixtures.gaussian(manager, 23, 2, 8, rows, keys);
                NDArray v = unitVectors(manager, 2, 8, keys);
                NDArray uniform =
                        FlashAttention.attend(
                                q, v, v, on(backend).optScale(0).optDropout(rate).build());
                double dropped = uniform.eq(0).toType(DataType.FLOAT32, false).mean().getFloat();
                assertEquals(rate, dropped, 0.01);
                NDArray kept = uniform.get(uniform.neq(0));
                float weight = 1f / keys / (1 - rate);
                assertEquals(weight, kept.max().getFloat(), 1e-5 * weight);
                assertEquals(weight, kept.min().getFloat(), 1e-5 * weight);
                double mean = uniform.sum(new int[] {-1}).mean().getFloat();
                assertEquals(1, mean, rate > 0.9 ? 0.1 : 0.01);
            }
        }
    }

    @ParameterizedTest
    @EnumSource(value = Backend.class, names = "CUDA", mode = EnumSource.Mode.EXCLUDE)
    void dropoutFollowsTheEnginesSeed(Backend backend) {
        try (NDManager manager = Fixtures.manager()) {
            NDArray q = Fixtures.gaussian(manager, 24, B, N, T, H);
            AttentionOptions options = on(backend).optDropout(0.5f).build();
            float[][] outputs = new float[3][];
            for (int i = 0; i < outputs.length; i++) {
                Engine.getEngine("PyTorch").setRandomSeed(i < 2 ? 25 : 26);
                outputs[i] = FlashAttention.attend(q, q, q, options).toFloatArray();
            }
            assertArrayEquals(outputs[0], outputs[1]);
            assertTrue(!Arrays.equals(outputs[0], outputs[2]));
        }
    }

    /** The backward pass must drop what the forward pass dropped. */
    @ParameterizedTest
    @EnumSource(value = Backend.class, names = "CUDA", mode = EnumSource.Mode.EXCLUDE)
    void dropoutGradientsMatchDifferences(Backend backend) {
        try (NDManager manager = Fixtures.manager()) {
            NDArray[] leaves = new NDArray[3];
            for (int i = 0; i < leaves.length; i++) {
                leaves[i] =
                        Fixtures.gaussian(manager, 27 + i, 1, 2, 4, 3)
                                .toType(DataType.FLOAT64, false);
            }
            NDArray weights =
                    Fixtures.gaussian(manager, 30, 1, 2, 4, 3).toType(DataType.FLOAT64, false);
            AttentionOptions options = on(backend).optDropout(0.4f).build();
            NumericalGradient.assertMatches(
                    leaves,
                    arrays -> {
                        Engine.getEngine("PyTorch").setRandomSeed(31);
                        return FlashAttention.attend(arrays[0], arrays[1], arrays[2], options);
                    },
                    weights);
        }
    }

    private static NDArray unitVectors(NDManager manager, long batch, long heads, int size) {
        return manager.eye(size).reshape(1, 1, size, size).broadcast(batch, heads, size, size);
    }

    private static AttentionOptions.Builder on(Backend backend) {
        return AttentionOptions.builder().optBackend(backend);
    }

    private static void assertMatches(
            DoubleAttention.Result expected, NDArray output, NDArray q, NDArray k, NDArray v) {
        Closeness.assertClose("output", expected.output(), output, TOLERANCE);
        Closeness.assertClose("dQ", expected.query(), q.getGradient(), TOLERANCE);
        Closeness.assertClose("dK", expected.key(), k.getGradient(), TOLERANCE);
        Closeness.assertClose("dV", expected.value(), v.getGradient(), TOLERANCE);
    }

    interface ScoreVisitor {
        void visit(int at, int b, int n, int t, int f);
    }

    static void forEachScore(ScoreVisitor visitor) {
        for (int at = 0; at < B * N * T * F; at++) {
            visitor.visit(at, at / F / T / N, at / F / T % N, at / F % T, at % F);
        }
    }

    private static int at(int b, int n, int t, int f) {
        return ((b * N + n) * T + t) * F + f;
    }

    /** Where an array that is broadcast holds what belongs to a score. */
    static int index(Shape shape, int b, int n, int t, int f) {
        int[] place = {b, n, t, f};
        int index = 0;
        for (int i = 0; i < shape.dimension(); i++) {
            int size = (int) shape.get(i);
            index = index * size + (size == 1 ? 0 : place[4 - shape.dimension() + i]);
        }
        return index;
    }
}
