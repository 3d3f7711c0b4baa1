package org.djlflash.autograd;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.engine.EngineException;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.training.GradientCollector;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.Stream;
import org.djlflash.autograd.AttentionProblem.Sizes;
import org.djlflash.testkit.Closeness;
import org.djlflash.testkit.JavaAttentionKernels;
import org.djlflash.torch.GradMode;
import org.djlflash.torch.ScalarType;
import org.djlflash.torch.TorchOps;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Gradients through PyTorch's autograd, a Java kernel doing the work, against doubles. */
class AttentionGradientTest {

    private AttentionRegistration registration;

    @BeforeEach
    void install() {
        registration = AttentionRegistration.install("CPU", new JavaAttentionKernels());
    }

    @AfterEach
    void uninstall() {
        registration.close();
    }

    static Stream<Sizes> sizes() {
        List<Sizes> all = new ArrayList<>();
        int[][] tokens = {{1, 1}, {1, 9}, {9, 1}, {7, 7}, {5, 11}, {11, 5}, {33, 40}};
        for (int[] t : tokens) {
            for (boolean causal : new boolean[] {false, true}) {
                all.add(new Sizes(2, 3, 3, t[0], t[1], 8, causal));
                all.add(new Sizes(2, 6, 2, t[0], t[1], 4, causal));
                all.add(new Sizes(2, 4, 1, t[0], t[1], 5, causal, t[1], t[1] / 2));
                all.add(new Sizes(3, 2, 2, t[0], t[1], 8, causal, 0, t[1], 1));
            }
        }
        all.add(new Sizes(1, 2, 2, 0, 4, 8, false));
        all.add(new Sizes(1, 2, 2, 4, 0, 8, false));
        return all.stream();
    }

    @ParameterizedTest
    @MethodSource("sizes")
    void gradientsAreThoseOfDoublePrecision(Sizes sizes) {
        try (AttentionProblem problem = AttentionProblem.trained(sizes, 17);
                GradientCollector collector = AttentionProblem.collector()) {
            NDArray output = problem.attend();
            problem.assertOutput(output);
            collector.backward(output.mul(problem.weights).sum());
            problem.assertGradients();
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 2})
    void oneArrayAloneMayRequireItsGradient(int which) {
        try (AttentionProblem problem = new AttentionProblem(AttentionProblem.SMALL, which)) {
            NDArray[] arrays = {problem.query, problem.key, problem.value};
            double[][] gradients = {
                problem.expected.query(), problem.expected.key(), problem.expected.value()
            };
            arrays[which].setRequiresGradient(true);
            problem.step();
            AttentionProblem.assertGradient("gradient", arrays[which], gradients[which], 1);
            for (NDArray array : arrays) {
                assertEquals(array == arrays[which], array.hasGradient());
            }
        }
    }

    @Test
    void oneArrayMayBeQueryKeyAndValue() {
        Sizes sizes = new Sizes(1, 2, 2, 6, 6, 8, true);
        try (AttentionProblem problem = AttentionProblem.trained(sizes, 1)) {
            problem.key.set(problem.query.toFloatArray());
            problem.value.set(problem.query.toFloatArray());
            problem.step();
            double[] sum = Closeness.toDoubles(problem.query.getGradient());
            double[] dk = Closeness.toDoubles(problem.key.getGradient());
            double[] dv = Closeness.toDoubles(problem.value.getGradient());
            for (int i = 0; i < sum.length; i++) {
                sum[i] += dk[i] + dv[i];
            }
            NDArray all = problem.query.duplicate();
            all.setRequiresGradient(true);
            try (GradientCollector collector = AttentionProblem.collector()) {
                collector.backward(problem.attend(all, all, all).mul(problem.weights).sum());
            }
            Closeness.assertClose("gradient", sum, all.getGradient(), 1e-5);
        }
    }

    @Test
    void gradientsOfSeveralStepsAddUp() {
        try (AttentionProblem problem = AttentionProblem.trained(AttentionProblem.SMALL, 2);
                GradientCollector collector = AttentionProblem.collector()) {
            for (int times = 1; times <= 3; times++) {
                collector.backward(problem.loss());
                problem.assertGradients(times);
            }
        }
    }

    @Test
    void severalLayersShareOneGraph() {
        Sizes sizes = new Sizes(2, 3, 3, 6, 6, 8, true);
        try (AttentionProblem problem = AttentionProblem.trained(sizes, 3);
                GradientCollector collector = AttentionProblem.collector()) {
            NDArray once = problem.attend();
            NDArray twice = problem.attend(problem.query, problem.key, problem.value);
            collector.backward(once.add(twice).mul(problem.weights).sum());
            problem.assertGradients(2);
        }
    }

    @Test
    void aGraphServesOneBackward() {
        try (AttentionProblem problem = AttentionProblem.trained(AttentionProblem.SMALL, 4);
                GradientCollector collector = AttentionProblem.collector()) {
            NDArray loss = problem.loss();
            collector.backward(loss);
            EngineException e = assertThrows(EngineException.class, () -> collector.backward(loss));
            assertTrue(e.getMessage().contains("a second time"), e.getMessage());
            assertTrue(registration.takeBackwardFailure().isEmpty());
            problem.assertGradients();
        }
    }

    @Test
    void kernelsReadAnExpandedGradient() {
        AtomicReference<long[]> strides = new AtomicReference<>();
        registration.close();
        registration =
                AttentionRegistration.install(
                        "CPU",
                        new FaultyKernels() {
                            @Override
                            public Gradients backward(BackwardArguments arguments) {
                                strides.set(arguments.outputGradient().strides());
                                return super.backward(arguments);
                            }
                        });
        try (AttentionProblem problem = AttentionProblem.trained(AttentionProblem.SMALL, 5)) {
            problem.weights.set(new float[(int) problem.weights.size()]);
            problem.weights.addi(1);
            problem.step();
            double[] ones = Closeness.toDoubles(problem.query.getGradient());
            try (GradientCollector collector = AttentionProblem.collector()) {
                collector.zeroGradients();
                collector.backward(problem.attend().sum());
            }
            assertArrayEquals(new long[4], strides.get());
            Closeness.assertClose("dQ", ones, problem.query.getGradient(), 1e-6);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"FLOAT16", "BFLOAT16"})
    void halfPrecisionMayLiveInsideTheOperatorAlone(String name) {
        ScalarType type = ScalarType.valueOf(name);
        try (AttentionProblem problem = AttentionProblem.trained(AttentionProblem.SMALL, 6);
                NDManager inside = problem.manager.newSubManager();
                GradientCollector collector = AttentionProblem.collector()) {
            NDArray half =
                    problem.attend(
                            TorchOps.cast(problem.query, type, inside),
                            TorchOps.cast(problem.key, type, inside),
                            TorchOps.cast(problem.value, type, inside));
            NDArray output = TorchOps.cast(half, ScalarType.FLOAT32, problem.manager);
            assertEquals(DataType.FLOAT32, output.getDataType());
            Closeness.assertClose("output", problem.expected.output(), output, 0.02);
            collector.backward(output.mul(problem.weights).sum());
            assertEquals(DataType.FLOAT32, problem.query.getGradient().getDataType());
            Closeness.assertClose(
                    "dQ", problem.expected.query(), problem.query.getGradient(), 0.04);
            Closeness.assertClose("dK", problem.expected.key(), problem.key.getGradient(), 0.04);
            Closeness.assertClose(
                    "dV", problem.expected.value(), problem.value.getGradient(), 0.04);
        }
    }

    @Test
    void randomSizes() {
        Random seeds = new Random(20);
        for (int i = 0; i < 40; i++) {
            long seed = seeds.nextLong();
            Random random = new Random(seed);
            int keyHeads = 1 + random.nextInt(3);
            int keys = 1 + random.nextInt(20);
            Sizes sizes =
                    new Sizes(
                            1 + random.nextInt(2),
                            keyHeads * (1 + random.nextInt(3)),
                            keyHeads,
                            1 + random.nextInt(20),
                            keys,
                            1 + random.nextInt(16),
                            random.nextBoolean());
            try (AttentionProblem problem = AttentionProblem.trained(sizes, seed)) {
                problem.step();
                problem.assertGradients();
            } catch (AssertionError e) {
                throw new AssertionError("seed " + seed + ", " + sizes, e);
            }
        }
    }

    @Test
    void withoutRecordingThereIsNoGraph() {
        try (AttentionProblem problem = AttentionProblem.trained(AttentionProblem.SMALL, 7)) {
            try (GradientCollector collector = AttentionProblem.collector()) {
                NDArray recorded = problem.attend();
                assertTrue(GradMode.isRecorded(recorded));
                assertFalse(GradMode.isRecorded(GradMode.off(problem::attend)));
                collector.backward(recorded.mul(problem.weights).sum());
            }
            problem.assertGradients();
        }
    }
}
