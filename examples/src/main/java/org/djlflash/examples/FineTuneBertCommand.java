package org.djlflash.examples;

import ai.djl.Device;
import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import ai.djl.util.Utils;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import org.djlflash.examples.train.FineTuneBert;
import org.djlflash.examples.train.FineTuneBert.Score;
import org.djlflash.examples.train.LabelledText;
import org.djlflash.examples.train.SampleReviews;
import org.djlflash.examples.train.SmallBert;
import org.djlflash.examples.train.StepSettings;
import org.djlflash.examples.train.TextSplit;
import org.djlflash.examples.train.TrainingCheckpoint;
import org.djlflash.examples.train.TrainingCurve;
import org.djlflash.zoo.Tokenizers;
import org.djlflash.zoo.bert.BertConfig;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Trains a BERT to tell classes of texts apart. */
@Command(
        name = "fine-tune-bert",
        description =
                "Trains a BERT to tell classes of texts apart, and saves it for Hugging Face.",
        mixinStandardHelpOptions = true)
final class FineTuneBertCommand extends ModelCommand {

    @Option(
            names = "--model",
            paramLabel = "DIR",
            description =
                    "The Hugging Face folder of a BERT. Default: a small one of random weights.")
    private Path model;

    @Option(
            names = "--data",
            paramLabel = "FILE",
            description =
                    "Lines of a label, a tab and a text, in UTF-8; if it ends in .csv, a label, a"
                            + " comma and a text. Default: 500 reviews that are generated.")
    private Path data;

    @Option(
            names = "--out",
            paramLabel = "DIR",
            defaultValue = "fine-tuned-bert",
            description = "A new or empty folder for the result. Default: ${DEFAULT-VALUE}.")
    private Path out;

    @Option(
            names = "--steps",
            paramLabel = "N",
            defaultValue = "300",
            description = "How many updates to make. Default: ${DEFAULT-VALUE}.")
    private int steps;

    @Option(
            names = "--batch-size",
            paramLabel = "B",
            defaultValue = "32",
            description = "How many texts are read for an update. Default: ${DEFAULT-VALUE}.")
    private int batchSize;

    @Option(
            names = "--learning-rate",
            paramLabel = "X",
            defaultValue = "1e-3",
            description = "The learning rate of AdamW. Default: ${DEFAULT-VALUE}.")
    private float learningRate;

    @Option(
            names = "--max-tokens",
            paramLabel = "N",
            defaultValue = "128",
            description = "Tokens of a text; what is longer is cut off. Default: ${DEFAULT-VALUE}.")
    private int maxTokens;

    @Mixin private TrainingFlags flags;

    @Override
    public Integer call() throws Exception {
        Device device = device();
        StepSettings settings = flags.settings(steps, batchSize, learningRate, device);
        OutputFolder output = new OutputFolder(out);
        TrainingCheckpoint checkpoint = flags.checkpoint(out);
        TextSplit texts = texts();
        if (model != null) {
            return train(model, texts, settings, device, output, checkpoint);
        }
        Path folder = Files.createTempDirectory("small-bert");
        try {
            return train(SmallBert.write(folder), texts, settings, device, output, checkpoint);
        } finally {
            Utils.deleteQuietly(folder);
        }
    }

    private int train(
            Path origin,
            TextSplit texts,
            StepSettings settings,
            Device device,
            OutputFolder output,
            TrainingCheckpoint checkpoint)
            throws Exception {
        int limit = Math.min(maxTokens, BertConfig.read(origin).maxPositions());
        MeasuringCommand.atLeast("--max-tokens", limit, 3);
        try (HuggingFaceTokenizer tokenizer =
                        ModelFolder.read(origin, from -> Tokenizers.openForEncoder(from, limit));
                FineTuneBert tuning = tuning(origin, texts, tokenizer, settings, device)) {
            sayf(
                    "%d texts to train on, %d held out, labels %s",
                    texts.training().size(), texts.heldOut().size(), texts.labels());
            if (tuning.cutTexts() > 0) {
                say(tuning.cutTexts() + " texts are too long, their ends are not read");
            }
            Score before = tuning.measure();
            long start = System.nanoTime();
            TrainingCurve curve = train(tuning, checkpoint);
            double seconds = (System.nanoTime() - start) / 1e9;
            Score after = tuning.measure();
            LossCurve.lines(curve.losses()).forEach(this::say);
            sayScore("before", before);
            sayScore("after", after);
            sayf(
                    "best after %d steps, in %.1f seconds on %s",
                    curve.bestStep(), seconds, name(device));
            Path saved =
                    output.fill(
                            part -> {
                                tuning.save(part);
                                TrainingFlags.writeCurve(curve, part);
                            });
            checkpoint.delete();
            say("saved, and loaded again with the same predictions: " + saved);
            Map<String, Object> json = new LinkedHashMap<>();
            json.put("loss_before", before.loss());
            json.put("loss_after", after.loss());
            json.put("accuracy_before", before.accuracy());
            json.put("accuracy_after", after.accuracy());
            json.put("f1_before", before.f1());
            json.put("f1_after", after.f1());
            json.putAll(TrainingFlags.json(curve, steps));
            json.put("seconds", seconds);
            json.put("device", name(device));
            json.put("precision", settings.precision().toString());
            json.put("batch_size", batchSize);
            json.put("labels", texts.labels());
            json.put("training_texts", texts.training().size());
            json.put("held_out_texts", texts.heldOut().size());
            json.put("cut_texts", tuning.cutTexts());
            json.put("folder", saved.toString());
            report(json);
        }
        return 0;
    }

    private FineTuneBert tuning(
            Path origin,
            TextSplit texts,
            HuggingFaceTokenizer tokenizer,
            StepSettings settings,
            Device device)
            throws IOException {
        try (ConsoleProgress progress = progress(Duration.ofSeconds(1))) {
            return ModelFolder.read(
                    origin,
                    from -> new FineTuneBert(texts, from, tokenizer, settings, device, progress));
        }
    }

    private void sayScore(String when, Score score) {
        sayf(
                "%s: %.1f%% of held-out texts right, F1 %.3f, loss %.4f",
                when, 100 * score.accuracy(), score.f1(), score.loss());
    }

    private TextSplit texts() throws IOException {
        if (data == null) {
            return TextSplit.of(SampleReviews.all(), flags.seed());
        }
        String content = TextFile.read("--data", data);
        try {
            return TextSplit.of(LabelledText.parse(content, format()), flags.seed());
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException("--data " + data + ": " + e.getMessage(), e);
        }
    }

    private LabelledText.Format format() {
        return data.toString().toLowerCase(Locale.ROOT).endsWith(".csv")
                ? LabelledText.Format.CSV
                : LabelledText.Format.TSV;
    }

    private TrainingCurve train(FineTuneBert tuning, TrainingCheckpoint checkpoint)
            throws Exception {
        try (ConsoleProgress progress = progress()) {
            progress.reset("Training", steps);
            return tuning.train(
                    checkpoint, (step, loss) -> progress.update(step, LossCurve.text(loss)));
        }
    }
}
