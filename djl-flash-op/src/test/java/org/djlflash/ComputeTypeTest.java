package org.djlflash;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.djlflash.testkit.Closeness;
import org.djlflash.testkit.DoubleAttention;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Every pair of array type and compute type, in output and gradients. */
class ComputeTypeTest {

    private static final int B = 2;
    private static final int N = 4;
    private static final int T = 9;
    private static final int F = 13;
    private static final int H = 16;

    /** The types of arrays that DJL has a name for. */
    private static final List<DataType> NAMED_TYPES =
            List.of(DataType.FLOAT16, DataType.FLOAT32, DataType.FLOAT64);

    /**
     * A pair of types.
     *
     * @param tolerance the larger of both types' errors
     */
    record Case(DataType type, DataType computeType, CausalAlignment causal, double tolerance) {}

    static List<Case> cases() {
        List<Case> cases = new ArrayList<>();
        for (CausalAlignment causal :
                List.of(
                        CausalAlignment.NONE,
                        CausalAlignment.BOTTOM_RIGHT,
                        CausalAlignment.ROW_LENGTH)) {
            for (DataType type : NAMED_TYPES) {
                for (DataType computeType : AttentionRequest.COMPUTE_TYPES) {
                    double tolerance = Math.max(tolerance(type), tolerance(computeType));
                    cases.add(new Case(type, computeType, causal, tolerance));
                }
            }
        }
        return cases;
    }

    private static double tolerance(DataType type) {
        switch (type) {
            case BFLOAT16:
                return 5e-2;
            case FLOAT16:
                return 1e-2;
            case FLOAT32:
                return 2e-5;
            default:
                return 1e-12;
        }
    }

    @ParameterizedTest
    @MethodSource("cases")
    void isAsPreciseAsItsTypes(Case c) {
        try (NDManager manager = Fixtures.manager()) {
            NDArray q = leaf(manager, 1, c.type, B, N, T, H);
            NDArray k = leaf(manager, 2, c.type, B, 2, F, H);
            NDArray v = leaf(manager, 3, c.type, B, 2, F, H);
            NDArray bias = leaf(manager, 4, c.type, N, T, F);
            NDArray weights = Fixtures.gaussian(manager, 5, B, N, T, H).toType(c.type, false);
            long[] lengths = {F, 3};
            boolean rows = c.causal == CausalAlignment.ROW_LENGTH;
            AttentionOptions.Builder options =
                    AttentionOptions.builder().optCausal(c.causal).optComputeType(c.computeType);
            if (rows) {
                options.optKeyLengths(lengths).optBias(bias);
            }
            double[] b = Closeness.toDoubles(bias.expandDims(0).repeat(0, B));
            DoubleAttention.Result expected =
                    Fixtures.expected(
                            q,
                            k,
                            v,
                            weights,
                            1 / Math.sqrt(H),
                            (row, n, t, f) -> {
                                long length = rows ? lengths[row] : F;
                                boolean causal = c.causal != CausalAlignment.NONE;
                                return f < length && (!causal || f <= t + length - T);
                            },
                            rows ? b : null);
            NDArray output =
                    Fixtures.backward(
                            () -> FlashAttention.attend(q, k, v, options.build()), weights);
            assertEquals(c.type, output.getDataType());
            Closeness.assertClose("output", expected.output(), output, c.tolerance);
            assertGradient("dQ", expected.query(), q, c);
            assertGradient("dK", expected.key(), k, c);
            assertGradient("dV", expected.value(), v, c);
            if (rows) {
                double[] summed = new double[N * T * F];
                for (int i = 0; i < expected.bias().length; i++) {
                    summed[i % summed.length] += expected.bias()[i];
                }
                assertGradient("dBias", summed, bias, c);
            }
        }
    }

    @ParameterizedTest
    @MethodSource("cases")
    void noKeysGiveZerosAndZeroGradients(Case c) {
        try (NDManager manager = Fixtures.manager()) {
            NDArray q = leaf(manager, 10, c.type, B, N, T, H);
            NDArray k = manager.zeros(new Shape(B, 2, 0, H), c.type);
            AttentionOptions options =
                    AttentionOptions.builder()
                            .optCausal(c.causal)
                            .optKeyLengths(0, 0)
                            .optComputeType(c.computeType)
                            .build();
            NDArray output =
                    Fixtures.backward(
                            () -> FlashAttention.attend(q, k, k, options),
                            manager.ones(q.getShape(), c.type));
            double[] zeros = new double[B * N * T * H];
            assertEquals(c.type, output.getDataType());
            Closeness.assertClose("output", zeros, output, 0);
            Closeness.assertClose("dQ", zeros, q.getGradient(), 0);
        }
    }

    @ParameterizedTest
    @MethodSource("cases")
    void noQueriesGiveNothingAndZeroGradients(Case c) {
        try (NDManager manager = Fixtures.manager()) {
            NDArray q = manager.zeros(new Shape(B, N, 0, H), c.type);
            NDArray k = leaf(manager, 11, c.type, B, 2, F, H);
            AttentionOptions options =
                    AttentionOptions.builder()
                            .optCausal(c.causal)
                            .optKeyLengths(F, 3)
                            .optComputeType(c.computeType)
                            .build();
            NDArray output =
                    Fixtures.backward(
                            () -> FlashAttention.attend(q, k, k, options),
                            manager.ones(q.getShape(), c.type));
            assertEquals(q.getShape(), output.getShape());
            Closeness.assertClose("dK", new double[B * 2 * F * H], k.getGradient(), 0);
        }
    }

    /** NDArray's own conversion cuts the gradient: this one would be 1 instead of 1 + 1. */
    @Test
    void gradientsFlowThroughTheConversionBesideAResidual() {
        try (NDManager manager = Fixtures.manager()) {
            NDArray v = Fixtures.leaf(Fixtures.gaussian(manager, 6, 1, 1, 1, H));
            AttentionOptions options =
                    AttentionOptions.builder().optComputeType(DataType.BFLOAT16).build();
            Fixtures.backward(
                    () -> v.add(FlashAttention.attend(v, v, v, options)),
                    manager.ones(v.getShape()));
            double[] two = new double[H];
            Arrays.fill(two, 2);
            Closeness.assertClose("dV", two, v.getGradient(), 1e-6);
        }
    }

    /** -1e9 is minus infinity in half precision; a row of it must not become NaN. */
    @ParameterizedTest
    @MethodSource("halfTypes")
    void aLowBiasStaysFinite(DataType computeType) {
        try (NDManager manager = Fixtures.manager()) {
            NDArray q = leaf(manager, 7, DataType.FLOAT32, 1, 1, 2, H);
            NDArray v = leaf(manager, 8, DataType.FLOAT32, 1, 1, 2, H);
            NDArray bias = manager.create(new float[] {-1e9f, -1e9f, 0, -1e9f}, new Shape(2, 2));
            AttentionOptions options =
                    AttentionOptions.builder().optComputeType(computeType).optBias(bias).build();
            NDArray output =
                    Fixtures.backward(
                            () -> FlashAttention.attend(q, q.zerosLike(), v, options),
                            manager.ones(q.getShape()));
            double[] values = Closeness.toDoubles(v);
            double[] expected = new double[2 * H];
            for (int h = 0; h < H; h++) {
                expected[h] = (values[h] + values[H + h]) / 2;
                expected[H + h] = values[h];
            }
            Closeness.assertClose("output", expected, output, tolerance(computeType));
            for (double gradient : Closeness.toDoubles(v.getGradient())) {
                assertTrue(Double.isFinite(gradient));
            }
        }
    }

    static List<DataType> halfTypes() {
        return List.of(DataType.FLOAT16, DataType.BFLOAT16);
    }

    private static void assertGradient(String what, double[] expected, NDArray leaf, Case c) {
        assertEquals(c.type, leaf.getGradient().getDataType());
        Closeness.assertClose(what, expected, leaf.getGradient(), c.tolerance);
    }

    private static NDArray leaf(NDManager manager, long seed, DataType type, long... sizes) {
        return Fixtures.leaf(Fixtures.gaussian(manager, seed, sizes).toType(type, false));
    }
}
