package org.djlflash;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import java.util.ArrayList;
import java.util.List;
import org.djlflash.testkit.Closeness;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Rows that see nothing give exactly 0, and what padding holds never shows. */
class HiddenKeysTest {

    private static final int B = 2;
    private static final int N = 4;
    private static final int T = 6;
    private static final int F = 4;
    private static final int H = 8;

    /** Why query 0 of row 1 sees nothing, while the last query of row 0 sees something. */
    private enum Reason {
        LENGTH_0 {
            @Override
            AttentionOptions.Builder options(NDManager manager, DataType type) {
                return AttentionOptions.builder().optKeyLengths(F, 0);
            }
        },
        MORE_QUERIES_THAN_KEYS {
            @Override
            AttentionOptions.Builder options(NDManager manager, DataType type) {
                return AttentionOptions.builder().optCausal(true);
            }
        },
        SHORT_ROW {
            @Override
            AttentionOptions.Builder options(NDManager manager, DataType type) {
                return AttentionOptions.builder()
                        .optCausal(CausalAlignment.ROW_LENGTH)
                        .optKeyLengths(F, 1);
            }
        },
        MASK {
            @Override
            AttentionOptions.Builder options(NDManager manager, DataType type) {
                boolean[] mask = {true, false};
                return AttentionOptions.builder()
                        .optMask(manager.create(mask, new Shape(B, 1, 1, 1)));
            }
        },
        BIAS {
            @Override
            AttentionOptions.Builder options(NDManager manager, DataType type) {
                float[] bias = {0, Float.NEGATIVE_INFINITY};
                return AttentionOptions.builder()
                        .optBias(
                                Fixtures.leaf(
                                        manager.create(bias, new Shape(B, 1, 1, 1))
                                                .toType(type, false)));
            }
        },
        ALIGNMENT_AND_MASK_TOGETHER {
            @Override
            AttentionOptions.Builder options(NDManager manager, DataType type) {
                boolean[] mask = {false, true, true, true};
                return AttentionOptions.builder()
                        .optCausal(CausalAlignment.TOP_LEFT)
                        .optMask(manager.create(mask, new Shape(F)));
            }
        };

        abstract AttentionOptions.Builder options(NDManager manager, DataType type);
    }

    record Case(Reason reason, Backend backend, DataType type, DataType computeType) {}

    static List<Case> cases() {
        List<Case> cases = new ArrayList<>();
        for (Reason reason : Reason.values()) {
            for (Backend backend : Fixtures.CPU_BACKENDS) {
                for (DataType type : List.of(DataType.FLOAT32, DataType.FLOAT64)) {
                    cases.add(new Case(reason, backend, type, type));
                }
            }
            cases.add(half(reason, DataType.FLOAT16, DataType.FLOAT16));
            cases.add(half(reason, DataType.FLOAT32, DataType.FLOAT16));
            cases.add(half(reason, DataType.FLOAT32, DataType.BFLOAT16));
        }
        return cases;
    }

    private static Case half(Reason reason, DataType type, DataType computeType) {
        return new Case(reason, Backend.TORCH_SDPA, type, computeType);
    }

    @ParameterizedTest
    @MethodSource("cases")
    void aRowThatSeesNothingIsExactlyZero(Case c) {
        try (NDManager manager = Fixtures.manager()) {
            NDArray q = leaf(manager, 1, c.type, T);
            NDArray k = leaf(manager, 2, c.type, F);
            NDArray v = leaf(manager, 3, c.type, F);
            AttentionOptions options =
                    c.reason
                            .options(manager, c.type)
                            .optBackend(c.backend)
                            .optComputeType(c.computeType)
                            .build();
            NDArray output =
                    Fixtures.backward(
                            () -> FlashAttention.attend(q, k, v, options),
                            Fixtures.gaussian(manager, 4, B, N, T, H).toType(c.type, false));
            assertFirstQueryIsHidden(output);
            assertFirstQueryIsHidden(q.getGradient());
            assertAllFinite(k.getGradient());
            assertAllFinite(v.getGradient());
            options.bias().ifPresent(bias -> assertAllFinite(bias.getGradient()));
        }
    }

    private static void assertFirstQueryIsHidden(NDArray array) {
        assertAllFinite(array);
        for (double element : Closeness.toDoubles(array.get("1, :, 0"))) {
            assertEquals(0, element);
        }
        for (double element : Closeness.toDoubles(array.get("0, :, -1"))) {
            assertTrue(element != 0);
        }
    }

    @ParameterizedTest
    @MethodSource("paddings")
    void whatPaddingHoldsNeverShows(Case c, float poison) {
        long[] lengths = {3, 0};
        double[][] results = new double[2][];
        for (int i = 0; i < 2; i++) {
            try (NDManager manager = Fixtures.manager()) {
                NDArray q = leaf(manager, 5, c.type, T);
                NDArray k = padded(manager, 6, c.type, lengths, i == 0 ? 0 : poison);
                NDArray v = padded(manager, 7, c.type, lengths, i == 0 ? 0 : poison);
                AttentionOptions options =
                        AttentionOptions.builder()
                                .optKeyLengths(lengths)
                                .optBackend(c.backend)
                                .optComputeType(c.computeType)
                                .build();
                NDArray output =
                        Fixtures.backward(
                                () -> FlashAttention.attend(q, k, v, options),
                                manager.ones(q.getShape(), c.type));
                results[i] =
                        Closeness.toDoubles(
                                output.flatten()
                                        .concat(q.getGradient().flatten())
                                        .concat(k.getGradient().flatten())
                                        .concat(v.getGradient().flatten()));
                for (NDArray leaf : List.of(k, v)) {
                    assertAllZero(leaf.getGradient().get("0, :, 3:"));
                    assertAllZero(leaf.getGradient().get("1"));
                }
                assertTrue(v.getGradient().get("0, :, 2").neq(0).all().getBoolean());
            }
        }
        Closeness.assertClose("all", results[0], results[1], 0);
    }

    static List<Arguments> paddings() {
        List<Arguments> cases = new ArrayList<>();
        for (Case c : cases()) {
            if (c.reason == Reason.LENGTH_0) {
                for (float poison : new float[] {Float.NaN, Float.POSITIVE_INFINITY}) {
                    cases.add(Arguments.of(c, poison));
                }
            }
        }
        return cases;
    }

    private static NDArray leaf(NDManager manager, long seed, DataType type, long tokens) {
        return Fixtures.leaf(Fixtures.gaussian(manager, seed, B, N, tokens, H).toType(type, false));
    }

    private static NDArray padded(
            NDManager manager, long seed, DataType type, long[] lengths, float poison) {
        float[] values = Fixtures.gaussian(manager, seed, B, N, F, H).toFloatArray();
        for (int i = 0; i < values.length; i++) {
            if (i / H % F >= lengths[i / H / F / N]) {
                values[i] = poison;
            }
        }
        return Fixtures.leaf(manager.create(values, new Shape(B, N, F, H)).toType(type, false));
    }

    private static void assertAllFinite(NDArray array) {
        for (double element : Closeness.toDoubles(array)) {
            assertTrue(Double.isFinite(element));
        }
    }

    private static void assertAllZero(NDArray array) {
        for (double element : Closeness.toDoubles(array)) {
            assertEquals(0, element);
        }
    }
}
