package org.djlflash.examples.train;

import ai.djl.Device;
import ai.djl.Model;
import ai.djl.engine.EngineException;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Block;
import ai.djl.nn.Parameter;
import ai.djl.training.DefaultTrainingConfig;
import ai.djl.training.GradientCollector;
import ai.djl.training.Trainer;
import ai.djl.training.tracker.Tracker;
import java.io.IOException;
import java.util.Locale;
import org.djlflash.torch.TorchLibrary;
import org.djlflash.train.FusedAdamW;
import org.djlflash.train.MixedPrecision;

/**
 * Trains a block with DJL's trainer and AdamW, step by step, and keeps the weights with the lowest
 * held-out loss. A step depends on its number and the settings alone, so that a training that was
 * interrupted goes on as if it had not been. For one thread.
 */
final class TrainingLoop {

    /** Of all gradients together; what is larger is most often an accident. */
    private static final float CLIP_NORM = 1;

    private final Block block;
    private final Device device;
    private final TrainingTask task;
    private final StepSettings settings;
    private final TrainingCheckpoint checkpoint;

    TrainingLoop(
            Block block,
            Device device,
            TrainingTask task,
            StepSettings settings,
            TrainingCheckpoint checkpoint) {
        this.block = block;
        this.device = device;
        this.task = task;
        this.settings = settings;
        this.checkpoint = checkpoint;
    }

    /**
     * Trains, from the beginning or from the checkpoint if there is one; the block has the best
     * weights then.
     */
    TrainingCurve run(StepListener listener) throws IOException {
        FusedAdamW optimizer =
                FusedAdamW.builder()
                        .optLearningRateTracker(Tracker.fixed(settings.learningRate()))
                        .build();
        DefaultTrainingConfig config =
                new DefaultTrainingConfig(task.loss())
                        .optDevices(new Device[] {device})
                        .optOptimizer(optimizer);
        MixedPrecision precision =
                MixedPrecision.builder()
                        .optComputeType(settings.precision())
                        .optClipNorm(CLIP_NORM)
                        .build();
        try (Model model = Model.newInstance("fine-tuning", device, TorchLibrary.ENGINE)) {
            model.setBlock(block);
            try (Trainer trainer = precision.newTrainer(model, config)) {
                TrainingCurve curve =
                        checkpoint.exists()
                                ? checkpoint.load(kind(), block, optimizer)
                                : new TrainingCurve();
                run(trainer, optimizer, curve, listener);
                checkpoint.loadBest(block);
                return curve;
            }
        }
    }

    private void run(
            Trainer trainer, FusedAdamW optimizer, TrainingCurve curve, StepListener listener)
            throws IOException {
        SampleOrder order = new SampleOrder(task.samples(), settings.seed());
        if (curve.heldOut().isEmpty()) {
            measure(curve);
        }
        while (curve.losses().size() < settings.steps() && !isHopeless(curve)) {
            int step = curve.losses().size();
            float loss = step(trainer, step, order.batch(step, settings.batchSize()));
            check(loss, step + 1);
            curve.add(loss);
            listener.onStep(step + 1, loss);
            if ((step + 1) % settings.every() == 0 || step + 1 == settings.steps()) {
                measure(curve);
                checkpoint.save(kind(), block, optimizer, curve);
            }
        }
    }

    private boolean isHopeless(TrainingCurve curve) {
        return settings.patience() > 0 && curve.sinceBest() >= settings.patience();
    }

    private void measure(TrainingCurve curve) throws IOException {
        curve.measured(task.heldOutLoss());
        if (curve.bestStep() == curve.losses().size()) {
            checkpoint.saveBest(block);
        }
    }

    private float step(Trainer trainer, int step, int... samples) {
        // Dropout, too, must not depend on the steps before.
        trainer.getManager().getEngine().setRandomSeed(1_000_003 * settings.seed() + step);
        try (NDManager scope = trainer.getManager().newSubManager()) {
            float value;
            try (GradientCollector collector = trainer.newGradientCollector()) {
                NDList outputs = trainer.forward(task.inputs(scope, samples));
                NDArray loss =
                        trainer.getLoss()
                                .evaluate(new NDList(task.labels(scope, samples)), outputs);
                collector.backward(loss);
                value = loss.getFloat();
            }
            trainer.step();
            return value;
        } catch (EngineException e) {
            throw isOutOfMemory(e) ? outOfMemory(e) : e;
        }
    }

    /** PyTorch's words for it on a GPU and on the CPU, and the call of its C ABI that allocates. */
    private static boolean isOutOfMemory(EngineException e) {
        String message = String.valueOf(e.getMessage()).toLowerCase(Locale.ROOT);
        return message.contains("out of memory")
                || message.contains("can't allocate memory")
                || message.contains("aoti_torch_empty_strided");
    }

    private IllegalStateException outOfMemory(EngineException cause) {
        long parameters =
                block.getParameters().values().stream()
                        .map(Parameter::getShape)
                        .mapToLong(Shape::size)
                        .sum();
        String detail = String.valueOf(cause.getMessage()).lines().findFirst().orElse("");
        return new IllegalStateException(
                String.format(
                        Locale.ROOT,
                        "the memory of %s is not enough for %s and %,d parameters, which take %,d MB"
                                + " with gradients and AdamW's moments; a smaller --batch-size may"
                                + " fit (%s)",
                        device,
                        task.describe(settings.batchSize()),
                        parameters,
                        4 * Float.BYTES * parameters / 1_000_000,
                        detail),
                cause);
    }

    private static void check(float loss, int step) {
        if (!Float.isFinite(loss)) {
            throw new IllegalStateException(
                    "loss " + loss + " in step " + step + ": a smaller learning rate may help");
        }
    }

    /** All that a step depends on. */
    private String kind() {
        return String.format(
                Locale.ROOT,
                "%s of %d, learning rate %s, seed %d, %s",
                task.describe(settings.batchSize()),
                task.samples(),
                settings.learningRate(),
                settings.seed(),
                settings.precision());
    }
}
