package org.djlflash.examples;

import ai.djl.Device;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.djlflash.examples.load.RandomMiniLm;
import org.djlflash.zoo.bert.Bert;
import org.djlflash.zoo.embed.EmbeddingOptions;
import org.djlflash.zoo.embed.Pooling;
import org.djlflash.zoo.embed.TextEmbedder;
import org.djlflash.zoo.embed.TokenIds;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Measures how many texts a second are embedded. */
@Command(
        name = "embedding",
        description =
                "Measures how many texts a second a BERT embeds, from token ids to vectors in the"
                        + " memory of Java.",
        mixinStandardHelpOptions = true)
final class BenchEmbeddingCommand extends ModelCommand {

    @Option(
            names = "--model",
            paramLabel = "DIR",
            description =
                    "A Hugging Face folder with a BERT. Default: random weights in the shape of"
                            + " all-MiniLM-L6-v2.")
    private Path folder;

    @Mixin private WeightType type;

    @Option(
            names = "--texts",
            paramLabel = "N",
            defaultValue = "256",
            description = "How many texts there are. Default: ${DEFAULT-VALUE}.")
    private int texts;

    @Option(
            names = "--tokens",
            paramLabel = "N",
            defaultValue = "128",
            description = "How many tokens each of them has. Default: ${DEFAULT-VALUE}.")
    private int tokens;

    @Option(
            names = "--repeats",
            paramLabel = "N",
            defaultValue = "20",
            description = "How often they are embedded; the median counts. Default: 20.")
    private int repeats;

    @Option(
            names = "--warm-up",
            paramLabel = "N",
            defaultValue = "3",
            description = "How often before that. Default: 3.")
    private int warmUp;

    @Override
    public Integer call() throws Exception {
        MeasuringCommand.atLeast("--texts", texts, 1);
        MeasuringCommand.atLeast("--tokens", tokens, 1);
        MeasuringCommand.atLeast("--repeats", repeats, 1);
        MeasuringCommand.atLeast("--warm-up", warmUp, 0);
        Device device = device();
        try (Bert bert =
                folder == null
                        ? RandomMiniLm.create(device, type.dataType())
                        : load(folder, device, type.dataType(), Bert::load)) {
            TextEmbedder embedder =
                    new TextEmbedder(bert, new EmbeddingOptions(Pooling.MEAN, true, tokens));
            List<TokenIds> batch = batch(bert.block().config().vocabularySize());
            double seconds = measure(embedder, batch);
            double perSecond = texts / seconds;
            sayf(
                    "%d texts of %d tokens, %s on %s: %.0f texts/s, %.0f tokens/s",
                    texts, tokens, type.dataType(), name(device), perSecond, perSecond * tokens);
            Map<String, Object> json = new LinkedHashMap<>();
            json.put("bench", "embedding");
            json.put("device", name(device));
            json.put("dtype", type.dataType().toString());
            json.put("texts", texts);
            json.put("tokens", tokens);
            json.put("seconds", seconds);
            json.put("texts_per_second", perSecond);
            report(json);
        }
        return 0;
    }

    private List<TokenIds> batch(int vocabulary) {
        Random random = new Random(1);
        List<TokenIds> batch = new ArrayList<>();
        for (int i = 0; i < texts; i++) {
            batch.add(new TokenIds(random.longs(tokens, 0, vocabulary).toArray()));
        }
        return batch;
    }

    private double measure(TextEmbedder embedder, List<TokenIds> batch) {
        double[] seconds = new double[repeats];
        try (ConsoleProgress progress = progress()) {
            progress.reset("Embedding", warmUp + repeats);
            for (int i = -warmUp; i < repeats; i++) {
                long start = System.nanoTime();
                float[][] vectors = embedder.embed(batch);
                if (i >= 0) {
                    seconds[i] = (System.nanoTime() - start) / 1e9;
                }
                requireFinite(vectors);
                progress.increment(1);
            }
            progress.end();
        }
        Arrays.sort(seconds);
        return seconds[repeats / 2];
    }

    private static void requireFinite(float[][] vectors) {
        for (float[] vector : vectors) {
            for (float value : vector) {
                if (!Float.isFinite(value)) {
                    throw new IllegalStateException("a vector with " + value);
                }
            }
        }
    }
}
