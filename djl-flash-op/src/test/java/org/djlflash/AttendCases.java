package org.djlflash;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.Device;
import ai.djl.engine.Engine;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.training.GradientCollector;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.djlflash.testkit.Closeness;
import org.djlflash.testkit.DoubleAttention;
import org.djlflash.torch.ScalarType;
import org.djlflash.torch.TorchOps;

/** Calls of attend with their gradients, compared with attention in double precision. */
final class AttendCases {

    private static final int BATCH = 2;

    /** What varies: sizes, who sees whom, and how the arrays lie in memory. */
    record Case(
            Backend backend,
            DataType type,
            DataType computeType,
            int heads,
            int keyHeads,
            int queries,
            int keys,
            int headSize,
            CausalAlignment causal,
            long[] lengths,
            boolean mask,
            boolean bias,
            boolean gradient,
            AttentionLayout layout) {

        Case computedIn(DataType other) {
            return with(other, gradient, layout);
        }

        Case laidOut(AttentionLayout other) {
            return with(computeType, gradient, other);
        }

        Case withoutGradient() {
            return with(computeType, false, layout);
        }

        private Case with(
                DataType otherComputeType, boolean otherGradient, AttentionLayout otherLayout) {
            return new Case(
                    backend,
                    type,
                    otherComputeType,
                    heads,
                    keyHeads,
                    queries,
                    keys,
                    headSize,
                    causal,
                    lengths,
                    mask,
                    bias,
                    otherGradient,
                    otherLayout);
        }

        @Override
        public String toString() {
            return String.join(
                    " ",
                    List.of(
                            backend.id(),
                            type + "/" + computeType,
                            heads + "/" + keyHeads,
                            queries + "x" + keys + "x" + headSize,
                            causal.toString(),
                            Arrays.toString(lengths),
                            mask ? "mask" : "",
                            bias ? "bias" : "",
                            gradient ? "gradient" : "",
                            layout.toString()));
        }
    }

    private AttendCases() {}

    /** Every case of a backend that takes all of them. */
    static List<Case> of(Backend backend, DataType type) {
        List<Case> cases = new ArrayList<>();
        for (int t : new int[] {1, 2, 3, 7, 16, 33, 64, 127, 129, 300}) {
            for (CausalAlignment causal :
                    new CausalAlignment[] {CausalAlignment.NONE, CausalAlignment.BOTTOM_RIGHT}) {
                cases.add(of(backend, type, 2, 2, t, t, 32, causal, null, false, false));
            }
        }
        int[][] sizes = {{1, 147}, {147, 1}, {3, 130}, {113, 203}, {203, 113}};
        for (int[] size : sizes) {
            for (CausalAlignment causal :
                    new CausalAlignment[] {
                        CausalAlignment.NONE, CausalAlignment.BOTTOM_RIGHT, CausalAlignment.TOP_LEFT
                    }) {
                cases.add(
                        of(backend, type, 6, 2, size[0], size[1], 16, causal, null, false, false));
            }
        }
        for (CausalAlignment causal : CausalAlignment.values()) {
            cases.add(
                    of(backend, type, 4, 4, 20, 37, 24, causal, new long[] {37, 12}, false, false));
            cases.add(of(backend, type, 4, 1, 20, 37, 24, causal, new long[] {0, 9}, true, true));
        }
        long[] shorter = {23, 12};
        for (boolean bias : new boolean[] {false, true}) {
            Case dense =
                    of(backend, type, 4, 2, 19, 23, 8, CausalAlignment.NONE, null, !bias, bias);
            Case all =
                    of(backend, type, 4, 2, 19, 23, 8, CausalAlignment.NONE, shorter, bias, true);
            for (AttentionLayout layout : AttentionLayout.values()) {
                cases.add(dense.laidOut(layout));
                cases.add(all.laidOut(layout));
            }
        }
        cases.add(
                of(backend, type, 4, 2, 40, 19, 8, CausalAlignment.BOTTOM_RIGHT, null, true, true));
        int[][] empty = {{0, 5}, {5, 0}, {0, 0}};
        for (int[] size : empty) {
            for (CausalAlignment causal :
                    new CausalAlignment[] {
                        CausalAlignment.NONE, CausalAlignment.BOTTOM_RIGHT, CausalAlignment.TOP_LEFT
                    }) {
                cases.add(of(backend, type, 4, 2, size[0], size[1], 8, causal, null, false, false));
                cases.add(of(backend, type, 4, 2, size[0], size[1], 8, causal, null, true, true));
            }
        }
        return cases;
    }

    static Case of(
            Backend backend,
            DataType type,
            int heads,
            int keyHeads,
            int queries,
            int keys,
            int headSize,
            CausalAlignment causal,
            long[] lengths,
            boolean mask,
            boolean bias) {
        AttentionLayout layout =
                (queries + keys) % 2 == 0 ? AttentionLayout.BNTH : AttentionLayout.BTNH;
        return new Case(
                backend, type, type, heads, keyHeads, queries, keys, headSize, causal, lengths,
                mask, bias, true, layout);
    }

    /** Demands outputs and gradients within the tolerance of the case's type. */
    static void check(Case c, Device device) {
        Random random = new Random(c.toString().hashCode());
        double[] q = gaussian(random, BATCH * c.heads * c.queries * c.headSize);
        double[] k = gaussian(random, BATCH * c.keyHeads * c.keys * c.headSize);
        double[] v = gaussian(random, BATCH * c.keyHeads * c.keys * c.headSize);
        double[] go = gaussian(random, q.length);
        boolean[] mask = new boolean[c.queries * c.keys];
        double[] bias = gaussian(random, BATCH * c.heads * c.queries * c.keys);
        for (int i = 0; i < mask.length; i++) {
            // The second query sees nothing.
            mask[i] = i / Math.max(1, c.keys) != 1 && random.nextInt(4) > 0;
        }
        DoubleAttention.Result expected =
                new DoubleAttention(
                                BATCH,
                                c.heads,
                                c.keyHeads,
                                c.queries,
                                c.keys,
                                c.headSize,
                                0.3,
                                (b, n, t, f) -> sees(c, mask, b, t, f),
                                c.bias ? bias : null)
                        .run(q, k, v, go);

        try (NDManager manager = NDManager.newBaseManager(device, "PyTorch")) {
            Shape qShape = new Shape(BATCH, c.heads, c.queries, c.headSize);
            Shape kShape = new Shape(BATCH, c.keyHeads, c.keys, c.headSize);
            NDArray query = leaf(manager, q, qShape, c);
            NDArray key = leaf(manager, poisoned(k, c), kShape, c);
            NDArray value = leaf(manager, poisoned(v, c), kShape, c);
            AttentionOptions.Builder options =
                    AttentionOptions.builder()
                            .optScale(0.3)
                            .optCausal(c.causal)
                            .optLayout(c.layout)
                            .optComputeType(c.computeType)
                            .optBackend(c.backend);
            if (c.lengths != null) {
                options.optKeyLengths(c.lengths);
            }
            NDArray biasArray =
                    manager.create(bias, new Shape(BATCH, c.heads, c.queries, c.keys))
                            .toType(c.type, false);
            if (c.mask) {
                options.optMask(manager.create(mask, new Shape(c.queries, c.keys)));
            }
            if (c.bias) {
                biasArray.setRequiresGradient(c.gradient);
                options.optBias(biasArray);
            }
            double tolerance = tolerance(c.computeType);
            try (GradientCollector collector = Engine.getEngine("PyTorch").newGradientCollector()) {
                NDArray output =
                        FlashAttention.attend(
                                view(query, c), view(key, c), view(value, c), options.build());
                assertEquals(c.type, output.getDataType());
                NDArray headsFirst =
                        c.layout == AttentionLayout.BNTH ? output : output.transpose(0, 2, 1, 3);
                assertEquals(qShape, headsFirst.getShape());
                Closeness.assertClose("output", expected.output(), headsFirst, tolerance);
                if (!c.gradient) {
                    return;
                }
                NDArray weights = manager.create(go, qShape).toType(c.type, false);
                // A loss of its own type: FLOAT16 cannot hold the sum.
                collector.backward(
                        TorchOps.cast(headsFirst.mul(weights), ScalarType.FLOAT32, manager).sum());
            }
            Closeness.assertClose("dQ", expected.query(), gradient(query, c), tolerance);
            Closeness.assertClose("dK", expected.key(), gradient(key, c), tolerance);
            Closeness.assertClose("dV", expected.value(), gradient(value, c), tolerance);
            if (c.bias) {
                Closeness.assertClose("dBias", expected.bias(), biasArray.getGradient(), tolerance);
            }
            assertHiddenRowsAreZero(c, mask, headsFirst(query.getGradient(), c));
        }
    }

    private static double tolerance(DataType type) {
        return switch (type) {
            case FLOAT64 -> 1e-12;
            case FLOAT32 -> 2e-5;
            case FLOAT16 -> 4e-3;
            default -> 3e-2;
        };
    }

    private static boolean sees(Case c, boolean[] mask, int b, int t, int f) {
        int length = c.lengths == null ? c.keys : (int) c.lengths[b];
        boolean causal;
        switch (c.causal) {
            case TOP_LEFT:
                causal = f <= t;
                break;
            case BOTTOM_RIGHT:
                causal = f <= t + c.keys - c.queries;
                break;
            case ROW_LENGTH:
                causal = f <= t + length - c.queries;
                break;
            default:
                causal = true;
        }
        return causal && f < length && (!c.mask || mask[t * c.keys + f]);
    }

    /** Rows that see nothing have gradients of exactly 0, not merely small ones. */
    private static void assertHiddenRowsAreZero(Case c, boolean[] mask, NDArray gradient) {
        double[] values = Closeness.toDoubles(gradient);
        for (int b = 0; b < BATCH; b++) {
            for (int t = 0; t < c.queries; t++) {
                boolean sees = false;
                for (int f = 0; f < c.keys; f++) {
                    sees |= sees(c, mask, b, t, f);
                }
                for (int i = 0; !sees && i < c.heads * c.headSize; i++) {
                    int n = i / c.headSize;
                    int at = ((b * c.heads + n) * c.queries + t) * c.headSize + i % c.headSize;
                    assertTrue(values[at] == 0, "dQ of a row that sees nothing: " + values[at]);
                }
            }
        }
    }

    /** Keys beyond a row's length are NaN: they must never show. */
    private static double[] poisoned(double[] values, Case c) {
        double[] copy = values.clone();
        for (int b = 0; c.lengths != null && b < BATCH; b++) {
            for (int n = 0; n < c.keyHeads; n++) {
                int row = (b * c.keyHeads + n) * c.keys;
                Arrays.fill(
                        copy,
                        (row + (int) c.lengths[b]) * c.headSize,
                        (row + c.keys) * c.headSize,
                        Double.NaN);
            }
        }
        return copy;
    }

    /** A parameter whose storage is wider than what the call sees of it. */
    private static NDArray leaf(NDManager manager, double[] values, Shape shape, Case c) {
        NDArray dense = manager.create(values, shape).toType(c.type, false);
        if (c.layout == AttentionLayout.BTNH) {
            dense = dense.transpose(0, 2, 1, 3).duplicate();
        }
        NDArray wide = dense.concat(dense.onesLike().mul(7), -1);
        wide.setRequiresGradient(c.gradient);
        return wide;
    }

    private static NDArray view(NDArray wide, Case c) {
        return wide.get("..., :" + c.headSize);
    }

    private static NDArray gradient(NDArray wide, Case c) {
        return headsFirst(wide.getGradient(), c);
    }

    private static NDArray headsFirst(NDArray gradient, Case c) {
        NDArray part = view(gradient, c);
        return c.layout == AttentionLayout.BNTH ? part : part.transpose(0, 2, 1, 3);
    }

    /** Numbers that every floating type holds exactly. */
    private static double[] gaussian(Random random, int count) {
        return random.doubles(count)
                .map(ignored -> Math.rint(random.nextGaussian() * 16) / 16)
                .toArray();
    }
}
