package org.djlflash.examples;

import ai.djl.Device;
import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import ai.djl.ndarray.types.DataType;
import com.fasterxml.jackson.core.JsonProcessingException;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.djlflash.examples.load.Kind;
import org.djlflash.examples.load.LoadMix;
import org.djlflash.examples.load.LoadResult;
import org.djlflash.examples.load.LoadRun;
import org.djlflash.examples.load.MemoryUse;
import org.djlflash.examples.load.RandomMiniLm;
import org.djlflash.examples.serve.ModelServer;
import org.djlflash.examples.serve.ServeLimits;
import org.djlflash.examples.serve.ServedEmbedder;
import org.djlflash.examples.serve.ServedGenerator;
import org.djlflash.zoo.Tokenizers;
import org.djlflash.zoo.bert.Bert;
import org.djlflash.zoo.decoder.DecoderModel;
import org.djlflash.zoo.embed.EmbeddingOptions;
import org.djlflash.zoo.embed.Pooling;
import org.djlflash.zoo.embed.TextEmbedder;
import org.djlflash.zoo.provider.CausalModels;
import org.djlflash.zoo.provider.EmbeddedModel;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Measures a server under the load of many clients, and compares every answer. */
@Command(
        name = "serving",
        description =
                "Measures a server with the embedded model and a random BERT of MiniLM's shape under"
                        + " the load of many clients: requests of all kinds and lengths, of which"
                        + " some are cut off and some are hostile. Every answer is compared with"
                        + " what the models give without a server.",
        mixinStandardHelpOptions = true)
final class BenchServingCommand extends ModelCommand {

    private static final String GENERATOR = EmbeddedModel.NAME;
    private static final int MAX_TOKENS = 256;

    /** How far the numbers of a vector of length 1 may be off. */
    private static final double TOLERANCE = 1e-5;

    private static final double HALF_TOLERANCE = 1e-2;

    /** How long a generation that no one wants any more may take to notice that. */
    private static final Duration PATIENCE = Duration.ofSeconds(30);

    @Option(
            names = "--requests",
            paramLabel = "N",
            defaultValue = "2000",
            description = "How many are measured. Default: ${DEFAULT-VALUE}.")
    private int requests;

    @Option(
            names = "--warm-up",
            paramLabel = "N",
            defaultValue = "200",
            description = "How many come before. Default: ${DEFAULT-VALUE}.")
    private int warmUp;

    @Option(
            names = "--clients",
            paramLabel = "N",
            defaultValue = "16",
            description = "How many ask at once. Default: ${DEFAULT-VALUE}.")
    private int clients;

    @Option(
            names = "--batch",
            paramLabel = "N",
            defaultValue = "16",
            description = "How many requests are done at once at most. Default: ${DEFAULT-VALUE}.")
    private int batch;

    @Option(
            names = "--seed",
            paramLabel = "N",
            defaultValue = "1",
            description = "The same seed asks for the same. Default: ${DEFAULT-VALUE}.")
    private long seed;

    @Mixin private WeightType type;

    @Override
    public Integer call() throws Exception {
        MeasuringCommand.atLeast("--requests", requests, 1);
        MeasuringCommand.atLeast("--warm-up", warmUp, 0);
        MeasuringCommand.atLeast("--clients", clients, 1);
        Device device = device();
        DataType dataType = type.dataType();
        Path folder = EmbeddedModel.unpack();
        try (DecoderModel<?> language = load(folder, device, dataType, CausalModels::load);
                HuggingFaceTokenizer tokenizer = Tokenizers.open(folder);
                Bert bert = RandomMiniLm.create(device, dataType)) {
            // Any tokenizer will do for random weights.
            TextEmbedder embedder =
                    new TextEmbedder(bert, new EmbeddingOptions(Pooling.MEAN, true, MAX_TOKENS));
            LoadMix mix =
                    new LoadMix(
                            GENERATOR,
                            language,
                            tokenizer,
                            RandomMiniLm.NAME,
                            embedder,
                            tokenizer,
                            dataType == DataType.FLOAT16 ? HALF_TOLERANCE : TOLERANCE,
                            seed);
            ServeLimits limits =
                    new ServeLimits(4 * clients, batch, 1 << 20, Duration.ofMinutes(5));
            try (ModelServer server =
                            new ModelServer(
                                    List.of(
                                            new ServedGenerator(GENERATOR, language, tokenizer),
                                            new ServedEmbedder(
                                                    RandomMiniLm.NAME, embedder, tokenizer)),
                                    limits,
                                    "127.0.0.1",
                                    0);
                    ConsoleProgress progress = progress()) {
                URI url = URI.create("http://127.0.0.1:" + server.port());
                return measure(new LoadRun(url, clients, progress), mix, device);
            }
        }
    }

    private int measure(LoadRun load, LoadMix mix, Device device)
            throws IOException, InterruptedException {
        load.run(mix, warmUp);
        awaitQuiet(load);
        MemoryUse before = MemoryUse.now(device);
        LoadResult result = load.run(mix, requests);
        double left = awaitQuiet(load);
        MemoryUse after = MemoryUse.now(device);
        sayf("%-10s %8s %6s %9s %9s", "kind", "requests", "wrong", "p50 ms", "p99 ms");
        for (Kind kind : Kind.values()) {
            print(result.summary(kind), device);
        }
        Map<String, Object> all = result.summary(null);
        all.put("left_in_the_server", left);
        all.put("memory_before", before);
        all.put("memory_after", after);
        print(all, device);
        sayf(
                "%.1f requests/s, %d clients; memory in MB: heap %.0f, then %.0f; process %.0f,"
                        + " then %.0f; GPU %.0f, then %.0f",
                all.get("requests_per_second"),
                clients,
                before.heapMegabytes(),
                after.heapMegabytes(),
                before.processMegabytes(),
                after.processMegabytes(),
                before.deviceMegabytes(),
                after.deviceMegabytes());
        result.firstWrong().ifPresent(wrong -> say("the first that was wrong: " + wrong));
        boolean good = result.firstWrong().isEmpty() && left == 0;
        return good ? 0 : 1;
    }

    private void print(Map<String, Object> summary, Device device) throws JsonProcessingException {
        sayf(
                "%-10s %8d %6d %9.1f %9.1f",
                summary.get("kind"),
                summary.get("requests"),
                summary.get("wrong"),
                summary.get("p50_milliseconds"),
                summary.get("p99_milliseconds"));
        Map<String, Object> line = new LinkedHashMap<>();
        line.put("bench", "serving");
        line.put("device", name(device));
        line.put("dtype", type.dataType().toString());
        line.put("clients", clients);
        line.putAll(summary);
        report(line);
    }

    /** Waits until the server has nothing to do, and returns how much it has if it never ends. */
    private static double awaitQuiet(LoadRun load) throws IOException, InterruptedException {
        long end = System.nanoTime() + PATIENCE.toNanos();
        double left;
        do {
            Thread.sleep(100);
            left = load.metric("djlflash_running") + load.metric("djlflash_waiting");
        } while (left > 0 && System.nanoTime() < end);
        return left;
    }
}
