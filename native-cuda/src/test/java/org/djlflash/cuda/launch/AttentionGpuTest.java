package org.djlflash.cuda.launch;

import static org.djlflash.cuda.testkit.Closeness.assertClose;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Comparator;
import java.util.List;
import java.util.function.BiFunction;
import org.djlflash.cuda.config.CudaSetting;
import org.djlflash.cuda.plan.AttentionPlan;
import org.djlflash.cuda.plan.AttentionPlanner;
import org.djlflash.cuda.plan.AttentionProblem;
import org.djlflash.cuda.plan.AttentionShape;
import org.djlflash.cuda.plan.DeviceInfo;
import org.djlflash.cuda.plan.ElementType;
import org.djlflash.cuda.plan.Sm80Planner;
import org.djlflash.cuda.testkit.AttentionCase;
import org.djlflash.cuda.testkit.AttentionCases;
import org.djlflash.cuda.testkit.AttentionRun;
import org.djlflash.cuda.testkit.DoubleReference;
import org.djlflash.cuda.testkit.HostTensor;
import org.djlflash.cuda.testkit.Precision;
import org.djlflash.cuda.testkit.RequiresGpu;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The kernels of each family against double precision, on every case. */
@RequiresGpu
class AttentionGpuTest {

    private static final String CASES = "org.djlflash.cuda.testkit.AttentionCases#";

    private static final double TERM = 0.3;

    /** The kernels chosen for the GPU, and the portable ones. */
    private static final List<Planner> PLANNERS =
            List.of(AttentionPlanner::plan, Sm80Planner::plan);

    /** Those, and the decode kernel that has to be asked for. */
    private static final List<Planner> DECODE_PLANNERS =
            List.of(
                    AttentionPlanner::plan,
                    Sm80Planner::plan,
                    (problem, device) -> {
                        String property = CudaSetting.HOPPER_DECODE.property();
                        System.setProperty(property, "true");
                        try {
                            return AttentionPlanner.plan(problem, device);
                        } finally {
                            System.clearProperty(property);
                        }
                    });

    private interface Planner extends BiFunction<AttentionProblem, DeviceInfo, AttentionPlan> {}

    @ParameterizedTest(name = "{0}")
    @MethodSource(CASES + "forward")
    void forward(AttentionCase attention) {
        for (Planner planner : PLANNERS) {
            checkForward(attention, planner);
        }
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource(CASES + "decode")
    void decode(AttentionCase attention) {
        for (Planner planner : DECODE_PLANNERS) {
            checkForward(attention, planner);
        }
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource(CASES + "backward")
    void backward(AttentionCase attention) {
        for (Planner planner : PLANNERS) {
            checkBackward(attention, planner);
        }
    }

    @ParameterizedTest(name = "{index}: {0}")
    @MethodSource(CASES + "random")
    void randomProblems(AttentionCase attention) {
        for (Planner planner : PLANNERS) {
            checkForward(attention, planner);
            checkBackward(attention, planner);
        }
    }

    /**
     * Whatever the reference says of the rounding, two kernels differ by no more than a thousandth.
     */
    @ParameterizedTest(name = "{0}")
    @MethodSource(CASES + "forward")
    void familiesAgree(AttentionCase attention) {
        double limit = attention.problem().element() == ElementType.FP16 ? 1e-3 : 8e-3;
        List<Outputs> outputs =
                PLANNERS.stream().map(planner -> outputs(attention, planner)).toList();
        assertArrayEquals(outputs.get(0).logSumExp, outputs.get(1).logSumExp, 1e-3f);
        for (int i = 0; i < outputs.get(0).output.length; i++) {
            double one = outputs.get(0).output[i];
            assertEquals(one, outputs.get(1).output[i], limit * Math.max(1, Math.abs(one)));
        }
    }

    private record Outputs(double[] output, float[] logSumExp) {}

    private static Outputs outputs(AttentionCase attention, Planner planner) {
        try (AttentionRun run = new AttentionRun(attention, planner)) {
            run.forward();
            return new Outputs(run.read("output").toArray(), run.readLogSumExp());
        }
    }

    private static void checkBackward(AttentionCase attention, Planner planner) {
        try (AttentionRun run = new AttentionRun(attention, planner)) {
            run.forward();
            run.backward();

            DoubleReference exact = run.reference(Precision.EXACT);
            DoubleReference unfused =
                    run.reference(Precision.unfused(attention.problem().element()));
            double factor = attention.problem().dropout() == 0 ? 2 : 3;
            ElementType type = attention.problem().element();
            double[] query = intact(run.read("queryGradient"));
            // Score gradients are differences of sums over a head, which have no other noise in
            // FP32.
            double size = type == ElementType.FP32 ? 8 : TERM;
            assertClose(
                    "dQ", type, size, factor, query, exact.queryGradient, unfused.queryGradient);
            double[] key = intact(run.read("keyGradient"));
            assertClose("dK", type, size, factor, key, exact.keyGradient, unfused.keyGradient);
            double[] value = intact(run.read("valueGradient"));
            assertClose(
                    "dV", type, size, factor, value, exact.valueGradient, unfused.valueGradient);
            assertZeroWhereNothingIsSeen(attention, query);
        }
    }

    @Test
    void droppedShareIsTheProbability() {
        AttentionCases.forward()
                .filter(attention -> attention.problem().dropout() > 0)
                .forEach(
                        attention -> {
                            try (AttentionRun run = new AttentionRun(attention)) {
                                byte[] kept = run.kept();
                                long count = 0;
                                for (byte one : kept) {
                                    count += one;
                                }
                                double dropped = 1 - (double) count / kept.length;
                                assertEquals(
                                        attention.problem().dropout(),
                                        dropped,
                                        0.01,
                                        attention::toString);
                            }
                        });
    }

    @Test
    void forwardIsBitwiseRepeatable() {
        for (Planner planner : PLANNERS) {
            checkForwardIsRepeatable(largest(), planner);
        }
    }

    @Test
    void decodeIsBitwiseRepeatableWhereRangesMeet() {
        AttentionShape shape = new AttentionShape(3, 16, 2, 1, 4000, 128);
        AttentionProblem problem =
                AttentionProblem.of(ElementType.FP16, shape).withDecode(true).withKeyLengths(true);
        int[] lengths = {4000, 3000, 333};
        for (Planner planner : DECODE_PLANNERS) {
            checkForwardIsRepeatable(new AttentionCase(problem, true, lengths, 7), planner);
        }
    }

    private static void checkForwardIsRepeatable(AttentionCase attention, Planner planner) {
        try (AttentionRun run = new AttentionRun(attention, planner)) {
            run.forward();
            byte[] first = run.read("output").memory().clone();
            for (int i = 0; i < 1000; i++) {
                run.forward();
                assertArrayEquals(first, run.read("output").memory());
            }
        }
    }

    @Test
    void deterministicBackwardIsBitwiseRepeatable() {
        for (Planner planner : PLANNERS) {
            checkBackwardIsRepeatable(planner);
        }
    }

    private static void checkBackwardIsRepeatable(Planner planner) {
        AttentionCase attention =
                AttentionCases.backward()
                        .filter(one -> one.problem().deterministic())
                        .filter(one -> one.problem().shape().queries() >= 200)
                        .findFirst()
                        .orElseThrow();
        try (AttentionRun run = new AttentionRun(attention, planner)) {
            run.forward();
            run.backward();
            byte[] first = run.read("queryGradient").memory().clone();
            for (int i = 0; i < 1000; i++) {
                run.backward();
                assertArrayEquals(first, run.read("queryGradient").memory());
            }
        }
    }

    private static void checkForward(AttentionCase attention, Planner planner) {
        try (AttentionRun run = new AttentionRun(attention, planner)) {
            run.forward();

            DoubleReference exact = run.reference(Precision.EXACT);
            DoubleReference unfused =
                    run.reference(Precision.unfused(attention.problem().element()));
            double[] output = intact(run.read("output"));
            ElementType type = attention.problem().element();
            assertClose("O", type, TERM, 2, output, exact.output, unfused.output);
            assertZeroWhereNothingIsSeen(attention, output);
            float[] logSumExp = run.readLogSumExp();
            double tolerance = type == ElementType.FP32 ? 2e-6 : 1e-4;
            for (int i = 0; i < logSumExp.length; i++) {
                if (Double.isInfinite(exact.logSumExp[i])) {
                    assertEquals(Float.NEGATIVE_INFINITY, logSumExp[i]);
                } else {
                    double limit = tolerance * Math.max(1, Math.abs(exact.logSumExp[i]));
                    assertEquals(exact.logSumExp[i], logSumExp[i], limit, "log-sum-exp " + i);
                }
            }
        }
    }

    private static AttentionCase largest() {
        return AttentionCases.forward()
                .max(Comparator.comparingLong(one -> one.problem().shape().rows()))
                .orElseThrow();
    }

    private static double[] intact(HostTensor tensor) {
        assertEquals(0, tensor.damage(), "elements written outside the tensor");
        return tensor.toArray();
    }

    /** Exactly zero, not merely small. */
    private static void assertZeroWhereNothingIsSeen(AttentionCase attention, double[] rows) {
        AttentionShape shape = attention.problem().shape();
        for (int b = 0; b < shape.batch(); b++) {
            for (int i = 0; i < shape.queries(); i++) {
                boolean seesAny = false;
                for (int j = 0; j < shape.keys() && !seesAny; j++) {
                    seesAny = attention.sees(b, i, j);
                }
                for (int h = 0; h < shape.queryHeads() && !seesAny; h++) {
                    int row = (b * shape.queryHeads() + h) * shape.queries() + i;
                    for (int c = 0; c < shape.headSize(); c++) {
                        assertTrue(rows[row * shape.headSize() + c] == 0);
                    }
                }
            }
        }
    }
}
