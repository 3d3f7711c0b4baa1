package org.djlflash.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.Device;
import ai.djl.Model;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Parameter;
import ai.djl.nn.core.Linear;
import ai.djl.training.DefaultTrainingConfig;
import ai.djl.training.GradientCollector;
import ai.djl.training.Trainer;
import ai.djl.training.loss.Loss;
import ai.djl.training.optimizer.AdamW;
import ai.djl.training.optimizer.Optimizer;
import ai.djl.training.tracker.Tracker;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import org.djlflash.nn.FlashTransformerEncoderBlock;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class MixedPrecisionTest {

    private static final int ROUNDS = 12;

    /** What the order of summing changes. */
    private static final double ROUNDING = 2e-5;

    private static final Trained.Maker DJL = Model::newTrainer;

    private NDManager manager;

    @BeforeEach
    void open() {
        manager = NDManager.newBaseManager(Device.cpu(), "PyTorch");
    }

    @AfterEach
    void close() {
        manager.close();
    }

    private static Optimizer fused() {
        return FusedAdamW.builder().optLearningRateTracker(Tracker.fixed(0.01f)).build();
    }

    private static Optimizer djl() {
        return AdamW.builder().optLearningRateTracker(Tracker.fixed(0.01f)).build();
    }

    private static Optimizer sgd() {
        return Optimizer.sgd().setLearningRateTracker(Tracker.fixed(0.01f)).build();
    }

    @Test
    void fusedAdamWIsDjlsAdamW() throws Exception {
        Trained expected = Trained.run(manager, DJL, djl(), ROUNDS, 1);
        Trained inDjl = Trained.run(manager, DJL, fused(), ROUNDS, 1);
        Trained inOurs =
                Trained.run(
                        manager,
                        Trained.mixed(s -> s.optComputeType(DataType.FLOAT32)),
                        fused(),
                        ROUNDS,
                        1);
        assertTrue(expected.losses().get(ROUNDS - 1) < 0.9 * expected.losses().get(0));
        assertTrue(expected.distance(inDjl) < ROUNDING, "with DJL's trainer");
        assertTrue(expected.distance(inOurs) < ROUNDING, "with ours");
    }

    @ParameterizedTest
    @CsvSource({"BFLOAT16, 1e-2", "FLOAT16, 1e-3"})
    void learnsAsInFloat32(DataType type, double tolerance) throws Exception {
        Trained expected = Trained.run(manager, DJL, djl(), ROUNDS, 1);
        Trained actual =
                Trained.run(
                        manager, Trained.mixed(s -> s.optComputeType(type)), fused(), ROUNDS, 1);
        double distance = Trained.distance(expected.losses(), actual.losses());
        assertTrue(distance < tolerance, "off by " + distance);
        // Really in 16 bits: the first loss would be the same else.
        assertTrue(distance > 1e-6, "off by " + distance);
    }

    @ParameterizedTest
    @EnumSource(
            value = DataType.class,
            names = {"FLOAT32", "BFLOAT16", "FLOAT16"})
    void batchesAddUp(DataType type) throws Exception {
        // Without the norms' statistics of a batch, two halves are as good as the whole; with them
        // the first update differs a little.
        Trained whole = run(type, sgd(), 1, 1);
        Trained halves = run(type, sgd(), 1, 2);
        Trained half =
                Trained.run(
                        manager,
                        Trained.mixed(s -> s.optComputeType(type).optAccumulation(2)),
                        sgd(),
                        1,
                        1);
        Trained both =
                Trained.run(
                        manager,
                        Trained.mixed(s -> s.optComputeType(type).optAccumulation(2)),
                        sgd(),
                        2,
                        1);
        // The same batch twice is the batch.
        double rounding = type == DataType.FLOAT32 ? 1e-7 : 1e-5;
        assertTrue(whole.distance(both) < rounding, "off by " + whole.distance(both));
        assertTrue(whole.distance(half) > rounding, "half an update is none");
        assertTrue(whole.distance(halves) > rounding, "two updates are not one");
    }

    private Trained run(DataType type, Optimizer optimizer, int rounds, int batches)
            throws Exception {
        return Trained.run(
                manager, Trained.mixed(s -> s.optComputeType(type)), optimizer, rounds, batches);
    }

    @ParameterizedTest
    @EnumSource(
            value = DataType.class,
            names = {"FLOAT32", "BFLOAT16", "FLOAT16"})
    void normIsLimited(DataType type) throws Exception {
        Trained start = run(type, sgd(), 0, 1);
        Trained free = run(type, sgd(), 1, 1);
        double norm = norm(start, free) / 0.01;
        for (double share : new double[] {0.25, 4}) {
            float limit = (float) (share * norm);
            Trained limited =
                    Trained.run(
                            manager,
                            Trained.mixed(s -> s.optComputeType(type).optClipNorm(limit)),
                            sgd(),
                            1,
                            1);
            double expected = Math.min(1, share) * norm;
            assertEquals(expected, norm(start, limited) / 0.01, 2e-3 * expected);
        }
    }

    /** The norm of what weights have changed by. */
    private static double norm(Trained before, Trained after) {
        double squares = 0;
        for (int i = 0; i < before.weights().size(); i++) {
            for (int j = 0; j < before.weights().get(i).length; j++) {
                double d = after.weights().get(i)[j] - before.weights().get(i)[j];
                squares += d * d;
            }
        }
        return Math.sqrt(squares);
    }

    @ParameterizedTest
    @CsvSource({"FLOAT32, 0", "BFLOAT16, 0", "FLOAT32, 0.2"})
    void computingAgainChangesNothing(DataType type, float dropout) throws Exception {
        List<Trained> both = new ArrayList<>();
        for (boolean recompute : new boolean[] {false, true}) {
            both.add(
                    Trained.run(
                            manager,
                            Trained.mixed(s -> s.optComputeType(type).optRecompute(recompute)),
                            fused(),
                            ROUNDS,
                            1,
                            dropout));
        }
        double distance = Trained.distance(both.get(0).losses(), both.get(1).losses());
        if (dropout == 0) {
            assertTrue(distance < 1e-5, "off by " + distance);
            assertTrue(both.get(0).distance(both.get(1)) < 1e-4);
        } else {
            // Other numbers are drawn. With other ones in backward than in forward it would not
            // learn.
            assertTrue(distance > 1e-6);
            assertEquals(
                    both.get(0).losses().get(ROUNDS - 1),
                    both.get(1).losses().get(ROUNDS - 1),
                    0.1f * both.get(0).losses().get(0));
        }
        if (dropout == 0) {
            for (int i = 0; i < Trained.SIZE; i++) {
                float expected = both.get(0).statistics()[i];
                assertEquals(expected, both.get(1).statistics()[i], 1e-4f, "counted once");
            }
        }
    }

    @Test
    void overflowingStepsAreLeftOutAndCounted() throws Exception {
        Trained trained =
                Trained.run(
                        manager,
                        Trained.mixed(
                                s -> s.optComputeType(DataType.FLOAT16).optInitialScale(1 << 24)),
                        fused(),
                        30,
                        1);
        long skipped = trained.trainer().skippedUpdates();
        assertTrue(skipped > 0 && skipped < 25, skipped + " skipped");
        assertTrue(trained.trainer().lossScale() < 1 << 24);
        assertEquals(trained.losses().get(0), trained.losses().get(1), "nothing was updated");
        assertTrue(trained.losses().get(29) < 0.95 * trained.losses().get(0), "then it learns");
    }

    @Test
    void scaleGrowsAfterGoodUpdates() {
        LossScale scale = new LossScale(8, 2);
        scale.update(true);
        assertEquals(8, scale.value());
        scale.update(true);
        assertEquals(16, scale.value());
        scale.update(true);
        scale.update(false);
        assertEquals(8, scale.value());
        scale.update(true);
        assertEquals(8, scale.value());
        for (int i = 0; i < 9; i++) {
            scale.update(false);
        }
        assertEquals(1, scale.value());
        assertEquals(10, scale.skipped());
    }

    @Test
    void badSettingsAreRefused() {
        MixedPrecision.Builder builder = MixedPrecision.builder();
        assertThrows(
                IllegalArgumentException.class, () -> builder.optComputeType(DataType.FLOAT64));
        assertThrows(IllegalArgumentException.class, () -> builder.optAccumulation(0));
        assertThrows(IllegalArgumentException.class, () -> builder.optClipNorm(0));
        assertThrows(IllegalArgumentException.class, () -> builder.optClipNorm(Float.NaN));
        assertThrows(
                IllegalArgumentException.class,
                () -> builder.optInitialScale(Float.POSITIVE_INFINITY));
        assertThrows(IllegalArgumentException.class, () -> builder.optGrowthInterval(0));
        DefaultTrainingConfig config =
                new DefaultTrainingConfig(Loss.l2Loss()).optDevices(new Device[] {Device.gpu(7)});
        try (Model model = Model.newInstance("none", Device.cpu(), "PyTorch")) {
            assertThrows(
                    IllegalStateException.class, () -> builder.build().newTrainer(model, config));
            model.setBlock(Linear.builder().setUnits(1).build());
            assertThrows(
                    IllegalArgumentException.class,
                    () -> builder.build().newTrainer(model, config));
        }
    }

    /** The usual way to fine-tune: the copies in 16 bits must follow. */
    @ParameterizedTest
    @ValueSource(strings = {"queryProjection_weight", "resultProjection_weight"})
    void thawedParametersAreTrained(String name) {
        DefaultTrainingConfig config =
                new DefaultTrainingConfig(Loss.l2Loss())
                        .optDevices(new Device[] {Device.cpu()})
                        .optOptimizer(sgd());
        try (Model model = Model.newInstance("thawed", Device.cpu(), "PyTorch")) {
            FlashTransformerEncoderBlock block =
                    FlashTransformerEncoderBlock.builder()
                            .setEmbeddingSize(8)
                            .setHeadCount(1)
                            .setHiddenSize(8)
                            .build();
            model.setBlock(block);
            try (Trainer trainer = MixedPrecision.builder().build().newTrainer(model, config)) {
                trainer.initialize(new Shape(1, 2, 8));
                Parameter parameter =
                        block.getParameters().stream()
                                .filter(named -> named.getKey().endsWith(name))
                                .findFirst()
                                .orElseThrow()
                                .getValue();
                NDArray weight = parameter.getArray();
                parameter.freeze(true);
                float[] before = weight.toFloatArray();
                step(trainer, 1);
                assertArrayEquals(before, weight.toFloatArray(), "frozen");
                parameter.freeze(false);
                step(trainer, 0);
                assertArrayEquals(before, weight.toFloatArray(), "without loss");
                step(trainer, 1);
                assertFalse(Arrays.equals(before, weight.toFloatArray()), "thawed");
            }
        }
    }

    /** Makes a step towards what is off by a number. */
    private void step(Trainer trainer, float off) {
        try (NDManager scope = manager.newSubManager();
                GradientCollector collector = trainer.newGradientCollector()) {
            NDList out = trainer.forward(new NDList(scope.randomNormal(new Shape(1, 2, 8))));
            NDArray wanted = scope.create(out.head().toFloatArray(), out.head().getShape());
            NDArray random = scope.randomNormal(out.head().getShape());
            NDList labels = new NDList(wanted.add(random.mul(off)));
            collector.backward(trainer.getLoss().evaluate(labels, out));
        }
        trainer.step();
    }

    @Test
    void stateOfAnotherParameterIsRefused() throws Exception {
        try (NDManager scope = manager.newSubManager()) {
            FusedAdamW optimizer = (FusedAdamW) fused();
            NDArray weight = scope.ones(new Shape(2));
            optimizer.update("w", weight, scope.ones(new Shape(2)));
            ByteArrayOutputStream bytes = new ByteArrayOutputStream();
            optimizer.save(List.of("w"), new DataOutputStream(bytes));
            byte[] state = bytes.toByteArray();
            load(state, scope.ones(new Shape(2)));
            NDArray larger = scope.ones(new Shape(3));
            assertThrows(IOException.class, () -> load(state, larger));
            byte[] cut = Arrays.copyOf(state, state.length - 5);
            assertThrows(IOException.class, () -> load(cut, weight));
        }
    }

    private static void load(byte[] state, NDArray weight) throws IOException {
        LinkedHashMap<String, NDArray> parameters = new LinkedHashMap<>();
        parameters.put("other id", weight);
        ((FusedAdamW) fused())
                .load(parameters, new DataInputStream(new ByteArrayInputStream(state)));
    }

    /** The kernels would take their bits for FLOAT32. */
    @Test
    void parametersOfOtherTypesAreRefused() {
        try (NDManager scope = manager.newSubManager()) {
            NDArray weight = scope.zeros(new Shape(2), DataType.FLOAT16);
            NDArray gradient = scope.zeros(new Shape(2), DataType.FLOAT16);
            assertThrows(
                    IllegalArgumentException.class, () -> fused().update("half", weight, gradient));
        }
    }

    @Test
    void stepWithoutGradientsIsRefused() {
        DefaultTrainingConfig config =
                new DefaultTrainingConfig(Loss.l2Loss())
                        .optDevices(new Device[] {Device.cpu()})
                        .optOptimizer(fused());
        try (Model model = Model.newInstance("none", Device.cpu(), "PyTorch")) {
            model.setBlock(Linear.builder().setUnits(1).build());
            try (Trainer trainer = MixedPrecision.builder().build().newTrainer(model, config)) {
                trainer.initialize(new Shape(1, 1));
                assertThrows(IllegalStateException.class, trainer::step);
            }
        }
    }
}
