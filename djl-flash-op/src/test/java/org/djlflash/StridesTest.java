package org.djlflash;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BiFunction;
import org.djlflash.testkit.Closeness;
import org.djlflash.testkit.DoubleAttention;
import org.djlflash.torch.Tensor;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Arrays that lie in memory in every possible way give what dense ones give. */
class StridesTest {

    private static final int B = 2;
    private static final int N = 4;
    private static final int T = 5;
    private static final int H = 8;

    /** Takes a dense array of shape (B, N, T, H) to one of equal content. */
    private enum Memory implements BiFunction<NDArray, NDManager, NDArray> {
        HEADS_AFTER_TOKENS {
            @Override
            public NDArray apply(NDArray dense, NDManager manager) {
                return copy(dense.transpose(0, 2, 1, 3)).transpose(0, 2, 1, 3);
            }
        },
        LAST_STRIDE_IS_NOT_ONE {
            @Override
            public NDArray apply(NDArray dense, NDManager manager) {
                return copy(dense.transpose(3, 2, 1, 0)).transpose(3, 2, 1, 0);
            }
        },
        ODD_OFFSET {
            @Override
            public NDArray apply(NDArray dense, NDManager manager) {
                NDArray flat = dense.reshape(-1);
                NDArray one = manager.ones(new Shape(1), dense.getDataType());
                return one.concat(flat).get("1:").reshape(dense.getShape());
            }
        },
        GAPS {
            @Override
            public NDArray apply(NDArray dense, NDManager manager) {
                NDArray gap = manager.full(dense.getShape(), Float.NaN, dense.getDataType());
                return dense.concat(gap, -1).concat(gap.concat(gap, -1), 2).get(":, :, :5, :8");
            }
        },
        PACKED {
            @Override
            public NDArray apply(NDArray dense, NDManager manager) {
                NDArray tokensFirst = dense.transpose(0, 2, 1, 3).expandDims(2);
                NDArray other =
                        manager.full(tokensFirst.getShape(), Float.NaN, dense.getDataType());
                return other.concat(tokensFirst, 2)
                        .concat(other, 2)
                        .get(":, :, 1")
                        .transpose(0, 2, 1, 3);
            }
        };

        /** A row-major copy that autograd knows of; duplicate() is none. */
        private static NDArray copy(NDArray array) {
            return array.reshape(-1).reshape(array.getShape());
        }
    }

    record Case(Backend backend, DataType type, Memory memory) {}

    static List<Case> cases() {
        List<Case> cases = new ArrayList<>();
        for (Memory memory : Memory.values()) {
            cases.add(new Case(Backend.REFERENCE, DataType.FLOAT32, memory));
            cases.add(new Case(Backend.TORCH_SDPA, DataType.FLOAT32, memory));
            cases.add(new Case(Backend.TORCH_SDPA, DataType.FLOAT16, memory));
        }
        return cases;
    }

    @ParameterizedTest
    @MethodSource("cases")
    void doNotMatter(Case c) {
        double tolerance = c.type == DataType.FLOAT16 ? 1e-2 : 2e-5;
        for (CausalAlignment causal : CausalAlignment.values()) {
            try (NDManager manager = Fixtures.manager()) {
                NDArray q = leaf(manager, 1, c.type);
                NDArray k = leaf(manager, 2, c.type);
                NDArray v = leaf(manager, 3, c.type);
                NDArray weights = Fixtures.gaussian(manager, 4, B, N, T, H).toType(c.type, false);
                AttentionOptions options =
                        AttentionOptions.builder()
                                .optBackend(c.backend)
                                .optCausal(causal)
                                .optKeyLengths(T, 3)
                                .build();
                NDArray output =
                        Fixtures.backward(
                                () ->
                                        FlashAttention.attend(
                                                c.memory.apply(q, manager),
                                                c.memory.apply(k, manager),
                                                c.memory.apply(v, manager),
                                                options),
                                weights);
                int[] lengths = {T, 3};
                DoubleAttention.Result expected =
                        Fixtures.expected(
                                q,
                                k,
                                v,
                                weights,
                                1 / Math.sqrt(H),
                                (b, n, t, f) -> f < lengths[b] && f <= last(causal, t, lengths[b]),
                                null);
                assertMatches(expected, output, q, k, v, tolerance);
            }
        }
    }

    @ParameterizedTest
    @EnumSource(value = Backend.class, names = "CUDA", mode = EnumSource.Mode.EXCLUDE)
    void keysMayBeExpanded(Backend backend) {
        try (NDManager manager = Fixtures.manager()) {
            NDArray q = leaf(manager, 5, DataType.FLOAT32);
            NDArray k = Fixtures.leaf(Fixtures.gaussian(manager, 6, B, 1, T, H));
            NDArray v = Fixtures.leaf(Fixtures.gaussian(manager, 7, B, 1, T, H));
            NDArray weights = Fixtures.gaussian(manager, 8, B, N, T, H);
            AttentionOptions options =
                    AttentionOptions.builder().optBackend(backend).optCausal(true).build();
            NDArray output =
                    Fixtures.backward(
                            () ->
                                    FlashAttention.attend(
                                            q,
                                            k.broadcast(B, N, T, H),
                                            v.broadcast(B, N, T, H),
                                            options),
                            weights);
            // One key head for all is what an expanded one means.
            DoubleAttention.Result expected =
                    Fixtures.expected(
                            q, k, v, weights, 1 / Math.sqrt(H), (b, n, t, f) -> f <= t, null);
            assertMatches(expected, output, q, k, v, 2e-5);
        }
    }

    @ParameterizedTest
    @EnumSource(value = Backend.class, names = "CUDA", mode = EnumSource.Mode.EXCLUDE)
    void stridesOfSingleElementsMeanNothing(Backend backend) {
        try (NDManager manager = Fixtures.manager()) {
            NDArray dense = Fixtures.gaussian(manager, 9, 1, 1, T, H);
            NDArray odd;
            try (Tensor tensor = Tensor.of(dense);
                    Tensor view =
                            tensor.view(
                                    new long[] {1, 1, T, H}, new long[] {3, 99_999_999, H, 1}, 0)) {
                odd = view.toArray(manager);
            }
            AttentionOptions options =
                    AttentionOptions.builder().optBackend(backend).optCausal(true).build();
            Closeness.assertClose(
                    "output",
                    Closeness.toDoubles(FlashAttention.attend(dense, dense, dense, options)),
                    FlashAttention.attend(odd, odd, odd, options),
                    1e-6);
        }
    }

    @ParameterizedTest
    @EnumSource(value = Backend.class, names = "CUDA", mode = EnumSource.Mode.EXCLUDE)
    void sizesMayBeOne(Backend backend) {
        for (long[] sizes : new long[][] {{1, 1, 1, 1}, {1, 4, 1, 3}, {3, 1, 1, 5}, {1, 1, 6, 1}}) {
            try (NDManager manager = Fixtures.manager()) {
                NDArray q = Fixtures.leaf(Fixtures.gaussian(manager, 10, sizes));
                NDArray k = Fixtures.leaf(Fixtures.gaussian(manager, 11, sizes));
                NDArray v = Fixtures.leaf(Fixtures.gaussian(manager, 12, sizes));
                NDArray weights = Fixtures.gaussian(manager, 13, sizes);
                AttentionOptions options = AttentionOptions.builder().optBackend(backend).build();
                NDArray output =
                        Fixtures.backward(() -> FlashAttention.attend(q, k, v, options), weights);
                assertMatches(
                        Fixtures.expected(
                                q,
                                k,
                                v,
                                weights,
                                1 / Math.sqrt(sizes[3]),
                                (b, n, t, f) -> true,
                                null),
                        output,
                        q,
                        k,
                        v,
                        2e-5);
            }
        }
    }

    @ParameterizedTest
    @EnumSource(value = Backend.class, names = "CUDA", mode = EnumSource.Mode.EXCLUDE)
    void oneArrayMayBeAllThree(Backend backend) {
        for (AttentionLayout layout : AttentionLayout.values()) {
            try (NDManager manager = Fixtures.manager()) {
                NDArray x = leaf(manager, 14, DataType.FLOAT32);
                boolean headsFirst = layout == AttentionLayout.BNTH;
                int[] order = headsFirst ? new int[] {0, 1, 2, 3} : new int[] {0, 2, 1, 3};
                NDArray weights = Fixtures.gaussian(manager, 15, B, N, T, H);
                AttentionOptions options =
                        AttentionOptions.builder()
                                .optBackend(backend)
                                .optLayout(layout)
                                .optCausal(true)
                                .build();
                NDArray output =
                        Fixtures.backward(
                                () -> {
                                    NDArray view = x.transpose(order);
                                    return FlashAttention.attend(view, view, view, options)
                                            .transpose(order);
                                },
                                weights);
                DoubleAttention.Result expected =
                        Fixtures.expected(
                                x, x, x, weights, 1 / Math.sqrt(H), (b, n, t, f) -> f <= t, null);
                double[] sum = expected.query().clone();
                for (int i = 0; i < sum.length; i++) {
                    sum[i] += expected.key()[i] + expected.value()[i];
                }
                Closeness.assertClose("output", expected.output(), output, 2e-5);
                Closeness.assertClose("gradient", sum, x.getGradient(), 2e-5);
            }
        }
    }

    private static int last(CausalAlignment causal, int query, int length) {
        switch (causal) {
            case NONE:
                return T;
            case ROW_LENGTH:
                return query + length - T;
            default:
                return query;
        }
    }

    private static NDArray leaf(NDManager manager, long seed, DataType type) {
        return Fixtures.leaf(Fixtures.gaussian(manager, seed, B, N, T, H).toType(type, false));
    }

    private static void assertMatches(
            DoubleAttention.Result expected,
            NDArray output,
            NDArray q,
            NDArray k,
            NDArray v,
            double tolerance) {
        Closeness.assertClose("output", expected.output(), output, tolerance);
        Closeness.assertClose("dQ", expected.query(), q.getGradient(), tolerance);
        Closeness.assertClose("dK", expected.key(), k.getGradient(), tolerance);
        Closeness.assertClose("dV", expected.value(), v.getGradient(), tolerance);
    }
}
