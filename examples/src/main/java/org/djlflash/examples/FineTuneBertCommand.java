package org.djlflash.examples;

import ai.djl.Device;
import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import org.djlflash.examples.train.FineTuneBert;
import org.djlflash.examples.train.FineTuneBert.Result;
import org.djlflash.examples.train.FineTuneBert.Score;
import org.djlflash.examples.train.LabelledText;
import org.djlflash.examples.train.SampleReviews;
import org.djlflash.examples.train.StepSettings;
import org.djlflash.examples.train.TextSplit;
import org.djlflash.zoo.Tokenizers;
import org.djlflash.zoo.gpt2.Gpt2Config;
import org.djlflash.zoo.provider.EmbeddedModel;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Trains a small BERT to tell classes of texts apart. */
@Command(
        name = "fine-tune-bert",
        description = "Trains a small BERT, from random weights, to tell classes of texts apart.",
        mixinStandardHelpOptions = true)
final class FineTuneBertCommand extends ModelCommand {

    @Option(
            names = "--data",
            paramLabel = "TSV",
            description =
                    "Lines of a label, a tab and a text, in UTF-8. Default: 500 reviews that are"
                            + " generated.")
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
            names = "--seed",
            paramLabel = "N",
            defaultValue = "0",
            description =
                    "Chooses held-out texts, first weights, batches and dropout. Default:"
                            + " ${DEFAULT-VALUE}.")
    private int seed;

    @Override
    public Integer call() throws Exception {
        StepSettings settings = new StepSettings(steps, batchSize, learningRate, seed);
        OutputFolder output = new OutputFolder(out);
        TextSplit texts = texts();
        Device device = device();
        Path embedded = EmbeddedModel.unpack();
        int vocabulary = Gpt2Config.read(embedded).vocabularySize();
        try (HuggingFaceTokenizer tokenizer = Tokenizers.open(embedded);
                FineTuneBert tuning =
                        new FineTuneBert(texts, tokenizer, vocabulary, settings, device)) {
            sayf(
                    "%d texts to train on, %d held out, labels %s",
                    texts.training().size(), texts.heldOut().size(), texts.labels());
            if (tuning.cutTexts() > 0) {
                say(tuning.cutTexts() + " texts are too long, their ends are not read");
            }
            long start = System.nanoTime();
            Result result = train(tuning);
            double seconds = (System.nanoTime() - start) / 1e9;
            LossCurve.lines(result.losses()).forEach(this::say);
            sayScore("before", result.before());
            sayScore("after", result.after());
            sayf("in %.1f seconds on %s", seconds, name(device));
            Path saved = output.fill(tuning::save);
            say("saved, and loaded again with the same predictions: " + saved);
            Map<String, Object> json = new LinkedHashMap<>();
            json.put("loss_before", result.before().loss());
            json.put("loss_after", result.after().loss());
            json.put("accuracy_before", result.before().accuracy());
            json.put("accuracy_after", result.after().accuracy());
            json.put("steps", steps);
            json.put("step_losses", result.losses());
            json.put("seconds", seconds);
            json.put("device", name(device));
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

    private void sayScore(String when, Score score) {
        sayf(
                "%s: %.1f%% of held-out texts right, loss %.4f",
                when, 100 * score.accuracy(), score.loss());
    }

    private TextSplit texts() throws IOException {
        if (data == null) {
            return TextSplit.of(SampleReviews.all(), seed);
        }
        String content = TextFile.read("--data", data);
        try {
            return TextSplit.of(LabelledText.parse(content), seed);
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException("--data " + data + ": " + e.getMessage(), e);
        }
    }

    private Result train(FineTuneBert tuning) throws Exception {
        try (ConsoleProgress progress = progress()) {
            progress.reset("Training", steps);
            return tuning.train((step, loss) -> progress.update(step, LossCurve.text(loss)));
        }
    }
}
