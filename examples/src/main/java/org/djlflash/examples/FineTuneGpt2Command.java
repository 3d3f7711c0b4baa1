package org.djlflash.examples;

import ai.djl.Device;
import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import ai.djl.ndarray.types.DataType;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import org.djlflash.examples.train.FineTuneGpt2;
import org.djlflash.examples.train.Gpt2Folder;
import org.djlflash.examples.train.SampleSentences;
import org.djlflash.examples.train.StepSettings;
import org.djlflash.examples.train.TokenWindows;
import org.djlflash.examples.train.TrainingCheckpoint;
import org.djlflash.examples.train.TrainingCurve;
import org.djlflash.zoo.Tokenizers;
import org.djlflash.zoo.gpt2.Gpt2;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Trains GPT-2 further on a text. */
@Command(
        name = "fine-tune-gpt2",
        description = "Trains GPT-2 further on a text, and saves it for generate.",
        mixinStandardHelpOptions = true)
final class FineTuneGpt2Command extends ModelCommand {

    @Mixin private ModelFolder model;

    @Option(
            names = "--text",
            paramLabel = "FILE",
            description = "The text, in UTF-8. Default: 600 sentences that are generated.")
    private Path text;

    @Option(
            names = "--out",
            paramLabel = "DIR",
            defaultValue = "fine-tuned-gpt2",
            description = "A new or empty folder for the result. Default: ${DEFAULT-VALUE}.")
    private Path out;

    @Option(
            names = "--steps",
            paramLabel = "N",
            defaultValue = "60",
            description = "How many updates to make. Default: ${DEFAULT-VALUE}.")
    private int steps;

    @Option(
            names = "--batch-size",
            paramLabel = "B",
            defaultValue = "4",
            description = "How many windows are read for an update. Default: ${DEFAULT-VALUE}.")
    private int batchSize;

    @Option(
            names = "--window",
            paramLabel = "W",
            defaultValue = "64",
            description = "How many tokens are read at once. Default: ${DEFAULT-VALUE}.")
    private int window;

    @Option(
            names = "--learning-rate",
            paramLabel = "X",
            defaultValue = "5e-4",
            description = "The learning rate of AdamW. Default: ${DEFAULT-VALUE}.")
    private float learningRate;

    @Mixin private TrainingFlags flags;

    @Override
    public Integer call() throws Exception {
        Device device = device();
        StepSettings settings = flags.settings(steps, batchSize, learningRate, device);
        OutputFolder output = new OutputFolder(out);
        TrainingCheckpoint checkpoint = flags.checkpoint(out);
        try (Gpt2 gpt2 = load(model, device, DataType.FLOAT32, Gpt2::load)) {
            TokenWindows windows = windows();
            FineTuneGpt2 tuning = new FineTuneGpt2(windows, settings);
            double before = tuning.heldOutLoss(gpt2);
            sayf(
                    "loss on held-out text before: %.4f nats per token, perplexity %.2f",
                    before, Math.exp(before));
            long start = System.nanoTime();
            TrainingCurve curve = train(tuning, gpt2, checkpoint);
            double seconds = (System.nanoTime() - start) / 1e9;
            LossCurve.lines(curve.losses()).forEach(this::say);
            double after = tuning.heldOutLoss(gpt2);
            sayf(
                    "loss on held-out text after: %.4f nats per token, perplexity %.2f, best after"
                            + " %d steps, in %.1f seconds on %s",
                    after, Math.exp(after), curve.bestStep(), seconds, name(device));
            Path saved = output.fill(part -> save(gpt2, part, tuning, curve, device));
            checkpoint.delete();
            say("saved, and measured again with the same loss: " + saved);
            say("try: djl-flash generate --model " + saved + " --prompt \"The\"");
            Map<String, Object> json = new LinkedHashMap<>();
            json.put("loss_before", before);
            json.put("loss_after", after);
            json.put("perplexity_after", Math.exp(after));
            json.putAll(TrainingFlags.json(curve, steps));
            json.put("seconds", seconds);
            json.put("device", name(device));
            json.put("precision", settings.precision().toString());
            json.put("batch_size", batchSize);
            json.put("window", window);
            json.put("training_windows", windows.trainingCount());
            json.put("held_out_windows", windows.heldOutCount());
            json.put("folder", saved.toString());
            report(json);
        }
        return 0;
    }

    private TokenWindows windows() throws Exception {
        String content = text == null ? SampleSentences.text() : TextFile.read("--text", text);
        try (HuggingFaceTokenizer tokenizer = model.read(Tokenizers::open)) {
            return TokenWindows.cut(TextFile.encode(tokenizer, content), window);
        } catch (IllegalArgumentException e) {
            throw text == null
                    ? e
                    : new IllegalArgumentException("--text " + text + ": " + e.getMessage(), e);
        }
    }

    private TrainingCurve train(FineTuneGpt2 tuning, Gpt2 gpt2, TrainingCheckpoint checkpoint)
            throws Exception {
        try (ConsoleProgress progress = progress()) {
            progress.reset("Training", steps);
            return tuning.train(
                    gpt2, checkpoint, (step, loss) -> progress.update(step, LossCurve.text(loss)));
        }
    }

    /** A folder that does not hold what was trained is an error. */
    private void save(Gpt2 gpt2, Path part, FineTuneGpt2 tuning, TrainingCurve curve, Device device)
            throws Exception {
        double loss = tuning.heldOutLoss(gpt2);
        Gpt2Folder.write(gpt2.block(), model.find(), part);
        TrainingFlags.writeCurve(curve, part);
        try (Gpt2 reloaded = Gpt2.load(part, device, null)) {
            double again = tuning.heldOutLoss(reloaded);
            if (!(Math.abs(again - loss) <= 1e-5 * loss)) {
                throw new IllegalStateException(
                        "the saved model's held-out loss is " + again + ", but was " + loss);
            }
        }
    }
}
