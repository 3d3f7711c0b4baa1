package org.djlflash.nn;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.Model;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Block;
import ai.djl.training.DefaultTrainingConfig;
import ai.djl.training.EasyTrain;
import ai.djl.training.Trainer;
import ai.djl.training.dataset.ArrayDataset;
import ai.djl.training.loss.L2Loss;
import ai.djl.training.optimizer.Optimizer;
import ai.djl.training.tracker.Tracker;
import java.util.ArrayList;
import java.util.List;

/** Twenty steps of training by DJL's own means, on its default device. */
final class EasyTraining {

    static final int BATCH = 4;
    private static final int EPOCHS = 5;
    private static final int BATCHES = 4;
    private static final int STEPS = EPOCHS * BATCHES;

    /** The rows that inputs and labels must have. */
    static final int ROWS = BATCHES * BATCH;

    private EasyTraining() {}

    /** Demands that DJL's block learns, and that ours has its losses within a share of each. */
    static void assertLossesEqual(
            Block djl, Block ours, double tolerance, NDList inputs, NDArray labels, Shape... shapes)
            throws Exception {
        List<Float> expected = train(djl, inputs, labels, shapes);
        List<Float> actual = train(ours, inputs, labels, shapes);
        assertEquals(STEPS, expected.size());
        assertLearns(expected);
        assertLearns(actual);
        for (int step = 0; step < STEPS; step++) {
            assertEquals(1, actual.get(step) / expected.get(step), tolerance, "step " + step);
        }
    }

    private static void assertLearns(List<Float> losses) {
        assertTrue(
                sum(losses.subList(STEPS - BATCHES, STEPS)) < sum(losses.subList(0, BATCHES)),
                "learns: " + losses);
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
