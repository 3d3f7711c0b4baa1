package org.djlflash.nn;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.Model;
import ai.djl.engine.Engine;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Activation;
import ai.djl.nn.Block;
import ai.djl.nn.transformer.TransformerEncoderBlock;
import ai.djl.training.DefaultTrainingConfig;
import ai.djl.training.EasyTrain;
import ai.djl.training.Trainer;
import ai.djl.training.dataset.ArrayDataset;
import ai.djl.training.loss.L2Loss;
import ai.djl.training.optimizer.Optimizer;
import ai.djl.training.tracker.Tracker;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Training with DJL's own means. */
class TrainingTest {

    private static final int EPOCHS = 5;
    private static final int BATCHES = 4;
    private static final int STEPS = EPOCHS * BATCHES;
    private static final int BATCH = 4;
    private static final int TOKENS = 6;
    private static final int SIZE = 8;

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

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void encoderLearnsAsDjlsBlock(boolean masked) throws Exception {
        Shape x = new Shape(BATCH, TOKENS, SIZE);
        Block djl = new TransformerEncoderBlock(SIZE, 2, 16, 0f, Activation::gelu);
        Blocks.initialize(djl, manager, x);
        Block ours = new FlashTransformerEncoderBlock(SIZE, 2, 16, 0f, Activation::gelu);
        Blocks.copy(djl, ours, manager, x);
        NDArray data = Blocks.normal(manager, 1, (long) BATCH * BATCHES, TOKENS, SIZE);
        NDArray labels = Blocks.normal(manager, 2, (long) BATCH * BATCHES, TOKENS, SIZE);
        NDArray mask = Blocks.mask(manager, 3, (long) BATCH * BATCHES, TOKENS, TOKENS);
        NDList inputs = masked ? new NDList(data, mask) : new NDList(data);
        assertLossesEqual(djl, ours, inputs, labels, x);
    }

    @Test
    void bertLearnsAsDjlsBlock() throws Exception {
        NDList inputs = BertFixture.inputs(manager, 1, BATCH * BATCHES, BertFixture.TOKENS);
        NDArray labels =
                Blocks.normal(
                        manager, 2, (long) BATCH * BATCHES, BertFixture.TOKENS, BertFixture.SIZE);
        Block djl = BertFixture.djl(manager);
        Block ours = BertFixture.flash().build();
        Shape[] shapes = BertFixture.shapes(BATCH, BertFixture.TOKENS);
        Blocks.copy(djl, ours, manager, shapes);
        assertLossesEqual(djl, ours, inputs, labels, shapes);
    }

    private static void assertLossesEqual(
            Block djl, Block ours, NDList inputs, NDArray labels, Shape... shapes)
            throws Exception {
        List<Float> expected = train(djl, inputs, labels, shapes);
        List<Float> actual = train(ours, inputs, labels, shapes);
        assertEquals(STEPS, expected.size());
        assertTrue(
                sum(expected.subList(STEPS - BATCHES, STEPS)) < sum(expected.subList(0, BATCHES)),
                "learns: " + expected);
        for (int step = 0; step < STEPS; step++) {
            assertEquals(1, actual.get(step) / expected.get(step), 1e-4, "step " + step);
        }
    }

    private static double sum(List<Float> losses) {
        return losses.stream().mapToDouble(Float::doubleValue).sum();
    }

    private static List<Float> train(Block block, NDList inputs, NDArray labels, Shape... shapes)
            throws Exception {
        List<Float> losses = new ArrayList<>();
        ArrayDataset dataset =
                new ArrayDataset.Builder()
                        .setData(inputs.toArray(new NDArray[0]))
                        .optLabels(labels)
                        .setSampling(BATCH, false)
                        .build();
        DefaultTrainingConfig config =
                new DefaultTrainingConfig(new RecordingLoss(losses))
                        .optOptimizer(
                                Optimizer.sgd()
                                        .setLearningRateTracker(Tracker.fixed(0.05f))
                                        .build());
        try (Model model = Model.newInstance("block")) {
            model.setBlock(block);
            try (Trainer trainer = model.newTrainer(config)) {
                trainer.initialize(shapes);
                EasyTrain.fit(trainer, EPOCHS, dataset, null);
            }
        }
        return losses;
    }

    /** Squared distance of the first output, noting every value. */
    private static final class RecordingLoss extends L2Loss {

        private final List<Float> losses;

        RecordingLoss(List<Float> losses) {
            this.losses = losses;
        }

        @Override
        public NDArray evaluate(NDList labels, NDList predictions) {
            NDArray loss = super.evaluate(labels, new NDList(predictions.head()));
            losses.add(loss.getFloat());
            return loss;
        }
    }
}
