package org.djlflash.examples.train;

import ai.djl.Device;
import ai.djl.training.DefaultTrainingConfig;
import ai.djl.training.EasyTrain;
import ai.djl.training.Trainer;
import ai.djl.training.dataset.Batch;
import ai.djl.training.dataset.Dataset;
import ai.djl.training.listener.EvaluatorTrainingListener;
import ai.djl.training.loss.Loss;
import ai.djl.training.optimizer.Optimizer;
import ai.djl.training.tracker.Tracker;
import ai.djl.translate.TranslateException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/** What both trainings have in common. */
final class Training {

    private Training() {}

    /** AdamW, on one device; of itself DJL would take all GPUs. */
    static DefaultTrainingConfig config(Loss loss, StepSettings settings, Device device) {
        return new DefaultTrainingConfig(loss)
                .optDevices(new Device[] {device})
                .addTrainingListeners(new EvaluatorTrainingListener())
                .optOptimizer(
                        Optimizer.adamW()
                                .optLearningRateTracker(Tracker.fixed(settings.learningRate()))
                                .build());
    }

    /**
     * Trains, reading the data set as often as it takes.
     *
     * @return the loss of each step
     */
    static List<Float> run(Trainer trainer, Dataset data, int steps, StepListener listener)
            throws IOException, TranslateException {
        List<Float> losses = new ArrayList<>();
        while (losses.size() < steps) {
            for (Batch batch : trainer.iterateDataset(data)) {
                try (batch) {
                    EasyTrain.trainBatch(trainer, batch);
                    trainer.step();
                }
                float loss = trainer.getLoss().getAccumulator(EvaluatorTrainingListener.TRAIN_ALL);
                losses.add(loss);
                check(loss, losses.size());
                listener.onStep(losses.size(), loss);
                if (losses.size() == steps) {
                    break;
                }
            }
        }
        return losses;
    }

    private static void check(float loss, int step) {
        if (!Float.isFinite(loss)) {
            throw new IllegalStateException(
                    "loss " + loss + " in step " + step + ": a smaller learning rate may help");
        }
    }
}
