package org.djlflash.examples.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.Device;
import ai.djl.engine.EngineException;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Block;
import ai.djl.nn.core.Linear;
import ai.djl.training.loss.Loss;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.djlflash.zoo.gpt2.Gpt2;
import org.djlflash.zoo.provider.EmbeddedModel;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TrainingLoopTest {

    private static final int STEPS = 9;

    @TempDir private Path folder;

    private static TokenWindows windows() {
        long[] ids = new long[400];
        for (int i = 0; i < ids.length; i++) {
            ids[i] = 300 + i * i % 17;
        }
        return TokenWindows.cut(ids, 16);
    }

    private TrainingCurve train(
            String name, int steps, int patience, float rate, StepListener listener)
            throws Exception {
        StepSettings settings = new StepSettings(steps, 2, rate, 5, DataType.FLOAT32, 2, patience);
        try (Gpt2 gpt2 = Gpt2.load(EmbeddedModel.unpack(), Device.cpu(), null)) {
            return new FineTuneGpt2(windows(), settings)
                    .train(gpt2, new TrainingCheckpoint(folder.resolve(name)), listener);
        }
    }

    /** Not a checked one, as a killed process gives no chance to tidy up either. */
    private static final class Killed extends RuntimeException {

        private static final long serialVersionUID = 1;
    }

    @Test
    void whatWasInterruptedGoesOnAsIfItHadNotBeen() throws Exception {
        TrainingCurve expected = train("whole", STEPS, 0, 5e-4f, (step, loss) -> {});
        StepListener kill =
                (step, loss) -> {
                    if (step == 6) {
                        throw new Killed();
                    }
                };
        assertThrows(Killed.class, () -> train("parts", STEPS, 0, 5e-4f, kill));
        assertTrue(new TrainingCheckpoint(folder.resolve("parts")).exists());
        int[] first = {0};
        TrainingCurve actual =
                train(
                        "parts",
                        STEPS,
                        0,
                        5e-4f,
                        (step, loss) -> first[0] = first[0] == 0 ? step : first[0]);
        assertEquals(5, first[0], "after the checkpoint of step 4");
        assertEquals(STEPS, actual.losses().size());
        for (int i = 0; i < STEPS; i++) {
            assertEquals(expected.losses().get(i), actual.losses().get(i), 1e-5f, "step " + i);
        }
        assertEquals(expected.heldOut().keySet(), actual.heldOut().keySet());
        expected.heldOut()
                .forEach((step, loss) -> assertEquals(loss, actual.heldOut().get(step), 1e-5));
    }

    @Test
    void stopsWhenNothingGetsBetterAndKeepsTheBest() throws Exception {
        TrainingCurve curve = train("diverges", 100, 2, 0.3f, (step, loss) -> {});
        assertTrue(curve.losses().size() < 100, curve.losses().size() + " steps");
        assertEquals(2, curve.sinceBest());
        int best = curve.bestStep();
        curve.heldOut().values().forEach(l -> assertTrue(l >= curve.heldOut().get(best)));
    }

    @Test
    void anotherTrainingsCheckpointIsRefused() throws Exception {
        train("first", 2, 0, 5e-4f, (step, loss) -> {});
        IOException refusal =
                assertThrows(
                        IOException.class, () -> train("first", 2, 0, 1e-4f, (step, loss) -> {}));
        assertTrue(refusal.getMessage().contains("learning rate 1.0E-4"), refusal.getMessage());
        // Whoever was killed while writing leaves such a file.
        Files.createFile(folder.resolve("first").resolve("best.part"));
        new TrainingCheckpoint(folder.resolve("first")).delete();
        assertFalse(folder.resolve("first").toFile().exists());
    }

    /** A task whose batches of more than two samples do not fit. */
    private static final class Large implements TrainingTask {

        @Override
        public int samples() {
            return 4;
        }

        @Override
        public NDList inputs(NDManager manager, int... samples) {
            if (samples.length > 2) {
                throw new EngineException("CUDA out of memory. Tried to allocate 2.00 GiB.");
            }
            return new NDList(manager.ones(new Shape(samples.length, 3)));
        }

        @Override
        public NDArray labels(NDManager manager, int... samples) {
            return manager.zeros(new Shape(samples.length, 5));
        }

        @Override
        public Loss loss() {
            return Loss.l2Loss();
        }

        @Override
        public double heldOutLoss() {
            return 1;
        }

        @Override
        public String describe(int batchSize) {
            return batchSize + " rows";
        }
    }

    @Test
    void shortMemoryIsSaidInSizesAndASmallerBatchTrains() throws Exception {
        try (NDManager manager = NDManager.newBaseManager(Device.cpu(), "PyTorch")) {
            Block block = Linear.builder().setUnits(5).build();
            block.initialize(manager, DataType.FLOAT32, new Shape(1, 3));
            IllegalStateException failure =
                    assertThrows(IllegalStateException.class, () -> run(block, 3));
            String message = failure.getMessage();
            assertTrue(message.contains("not enough for 3 rows and 20 parameters"), message);
            assertTrue(message.contains("smaller --batch-size"), message);
            assertTrue(message.contains("2.00 GiB"), message);
            assertEquals(2, run(block, 2).losses().size());
        }
    }

    private TrainingCurve run(Block block, int batch) throws IOException {
        StepSettings settings = new StepSettings(2, batch, 1e-3f, 1, DataType.FLOAT32, 1, 0);
        TrainingCheckpoint checkpoint = new TrainingCheckpoint(folder.resolve("rows" + batch));
        return new TrainingLoop(block, Device.cpu(), new Large(), settings, checkpoint)
                .run((step, loss) -> {});
    }
}
