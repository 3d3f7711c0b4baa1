package org.djlflash.examples;

import ai.djl.Device;
import ai.djl.ndarray.types.DataType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import org.djlflash.examples.train.StepSettings;
import org.djlflash.examples.train.TrainingCheckpoint;
import org.djlflash.examples.train.TrainingCurve;
import picocli.CommandLine.Option;

/** The options that both trainings have, and what both write beside the model. */
final class TrainingFlags {

    /** The values of {@code --precision}. */
    enum Precision {
        AUTO,
        FLOAT32,
        BFLOAT16,
        FLOAT16
    }

    @Option(
            names = "--seed",
            paramLabel = "N",
            defaultValue = "0",
            description =
                    "Chooses batches, dropout, held-out texts and first weights. Default:"
                            + " ${DEFAULT-VALUE}.")
    private int seed;

    @Option(
            names = "--precision",
            defaultValue = "auto",
            description =
                    "float32, bfloat16, float16 (both mixed with float32), or auto: bfloat16 on a"
                            + " GPU, else float32. Default: auto.")
    private Precision precision;

    @Option(
            names = "--every",
            paramLabel = "N",
            defaultValue = "20",
            description =
                    "After so many updates the held-out texts are measured, and a checkpoint is"
                            + " written. Default: ${DEFAULT-VALUE}.")
    private int every;

    @Option(
            names = "--patience",
            paramLabel = "N",
            defaultValue = "0",
            description =
                    "Stop after so many measurements without a better one; 0: never. Default:"
                            + " ${DEFAULT-VALUE}.")
    private int patience;

    @Option(
            names = "--resume",
            description = "Go on with a training that was interrupted, as if it had not been.")
    private boolean resume;

    int seed() {
        return seed;
    }

    StepSettings settings(int steps, int batchSize, float learningRate, Device device) {
        return new StepSettings(
                steps, batchSize, learningRate, seed, precision(device), every, patience);
    }

    private DataType precision(Device device) {
        if (precision == Precision.AUTO) {
            return device.isGpu() ? DataType.BFLOAT16 : DataType.FLOAT32;
        }
        return DataType.valueOf(precision.name());
    }

    /** Finds the place of checkpoints beside that of the result. */
    TrainingCheckpoint checkpoint(Path out) {
        Path place = out.toAbsolutePath().normalize();
        TrainingCheckpoint checkpoint =
                new TrainingCheckpoint(place.resolveSibling(place.getFileName() + ".checkpoint"));
        if (resume != checkpoint.exists()) {
            throw new IllegalArgumentException(
                    resume
                            ? "--resume: there is no checkpoint " + checkpoint
                            : "checkpoint "
                                    + checkpoint
                                    + " is of a training that was interrupted, allowed are"
                                    + " --resume and a folder without one");
        }
        return checkpoint;
    }

    /** Writes the curve as a table and as a picture. */
    static void writeCurve(TrainingCurve curve, Path folder) throws IOException {
        Files.write(folder.resolve("training.csv"), curve.csv());
        LossPlot.write(curve, folder.resolve("training.png"));
    }

    /** Describes a training for machines. */
    static Map<String, Object> json(TrainingCurve curve, int wanted) {
        Map<String, Object> json = new LinkedHashMap<>();
        json.put("steps", curve.losses().size());
        json.put("step_losses", curve.losses());
        json.put("held_out_losses", curve.heldOut());
        json.put("best_step", curve.bestStep());
        json.put("stopped_early", curve.losses().size() < wanted);
        return json;
    }
}
