package org.djlflash.examples;

import ai.djl.Device;
import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import org.djlflash.examples.serve.ModelServer;
import org.djlflash.examples.serve.ServeLimits;
import org.djlflash.examples.serve.ServedEmbedder;
import org.djlflash.examples.serve.ServedGenerator;
import org.djlflash.examples.serve.ServedModel;
import org.djlflash.zoo.ConfigFile;
import org.djlflash.zoo.Tokenizers;
import org.djlflash.zoo.bert.Bert;
import org.djlflash.zoo.bert.BertConfig;
import org.djlflash.zoo.decoder.DecoderModel;
import org.djlflash.zoo.embed.EmbeddingOptions;
import org.djlflash.zoo.embed.SentenceTransformersFolder;
import org.djlflash.zoo.embed.TextEmbedder;
import org.djlflash.zoo.provider.CausalModels;
import org.djlflash.zoo.provider.EmbeddedModel;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Serves models over HTTP until the process is told to end. */
@Command(
        name = "serve",
        description =
                "Serves models over HTTP, as OpenAI's completions and embeddings, until SIGTERM or"
                        + " SIGINT: then it finishes what it has and ends.",
        mixinStandardHelpOptions = true)
final class ServeCommand extends ModelCommand {

    @Option(
            names = "--model",
            paramLabel = "DIR",
            description =
                    "A Hugging Face folder with a GPT-2 or a Llama, which generate, or a BERT, which"
                            + " embeds; may be repeated. Default: the embedded model.")
    private List<Path> folders = new ArrayList<>();

    @Mixin private WeightType type;

    @Option(
            names = "--host",
            paramLabel = "ADDRESS",
            defaultValue = "127.0.0.1",
            description =
                    "Where to listen. There are no passwords: whoever reaches the address may ask."
                            + " Default: ${DEFAULT-VALUE}, this machine alone.")
    private String host;

    @Option(
            names = "--port",
            paramLabel = "N",
            defaultValue = "8080",
            description = "The port, 0 for any that is free. Default: ${DEFAULT-VALUE}.")
    private int port;

    @Option(
            names = "--name",
            paramLabel = "NAME",
            description =
                    "What clients call the model; as often as --model, in its order. Default: the"
                            + " name of its folder.")
    private List<String> names = new ArrayList<>();

    @Option(
            names = "--queue",
            paramLabel = "N",
            defaultValue = "64",
            description =
                    "How many prompts, or requests to embed, may wait for a model. Default:"
                            + " ${DEFAULT-VALUE}.")
    private int queue;

    @Option(
            names = "--batch",
            paramLabel = "N",
            defaultValue = "8",
            description =
                    "How many of those that wait at one moment are done at once at most. Default:"
                            + " ${DEFAULT-VALUE}.")
    private int batch;

    @Option(
            names = "--max-request-bytes",
            paramLabel = "N",
            defaultValue = "1048576",
            description = "The largest request. Default: ${DEFAULT-VALUE}.")
    private int requestBytes;

    @Option(
            names = "--time-limit",
            paramLabel = "SECONDS",
            defaultValue = "300",
            description = "How long an answer may take. Default: ${DEFAULT-VALUE}.")
    private long seconds;

    /** Models and tokenizers, closed in the end, the last one first. */
    private final Deque<AutoCloseable> owned = new ArrayDeque<>();

    @Override
    public Integer call() throws Exception {
        ServeLimits limits =
                new ServeLimits(queue, batch, requestBytes, Duration.ofSeconds(seconds));
        if (folders.isEmpty()) {
            folders.add(EmbeddedModel.unpack());
        }
        if (!names.isEmpty() && names.size() != folders.size()) {
            throw new IllegalArgumentException(
                    names.size()
                            + " times --name, allowed is once for each of "
                            + folders.size()
                            + " models, or never");
        }
        Device device = device();
        try {
            List<ServedModel> models = new ArrayList<>();
            for (int i = 0; i < folders.size(); i++) {
                String name = names.isEmpty() ? nameOf(folders.get(i)) : names.get(i);
                models.add(load(folders.get(i), name, device));
            }
            try (ModelServer server = new ModelServer(models, limits, host, port)) {
                List<String> served = models.stream().map(ServedModel::name).toList();
                say(String.join(", ", served) + " on " + name(device) + ": " + url(server));
                report(describe(served, server, device));
                awaitTheEnd(server);
            }
        } finally {
            while (!owned.isEmpty()) {
                owned.pop().close();
            }
        }
        return 0;
    }

    private static String nameOf(Path folder) throws IOException {
        return ModelFolder.read(folder, Path::toRealPath).getFileName().toString();
    }

    private ServedModel load(Path folder, String name, Device device) throws IOException {
        String kind =
                ModelFolder.read(folder, from -> ConfigFile.read(from).requireString("model_type"));
        return kind.equals(BertConfig.MODEL_TYPE)
                ? embedder(folder, name, device)
                : generator(folder, name, device);
    }

    private ServedModel generator(Path folder, String name, Device device) throws IOException {
        DecoderModel<?> model = load(folder, device, type.dataType(), CausalModels::load);
        owned.push(model);
        HuggingFaceTokenizer tokenizer = ModelFolder.read(folder, Tokenizers::open);
        owned.push(tokenizer);
        return new ServedGenerator(name, model, tokenizer);
    }

    private ServedModel embedder(Path folder, String name, Device device) throws IOException {
        Bert model = load(folder, device, type.dataType(), Bert::load);
        owned.push(model);
        BertConfig config = model.block().config();
        EmbeddingOptions options =
                ModelFolder.read(
                        folder,
                        from ->
                                SentenceTransformersFolder.read(
                                        from, config.hiddenSize(), config.maxPositions()));
        HuggingFaceTokenizer tokenizer =
                ModelFolder.read(
                        folder, from -> Tokenizers.openForEncoder(from, options.maxTokens()));
        owned.push(tokenizer);
        return new ServedEmbedder(name, new TextEmbedder(model, options), tokenizer);
    }

    private Map<String, Object> describe(List<String> served, ModelServer server, Device device) {
        Map<String, Object> json = new LinkedHashMap<>();
        json.put("models", served);
        json.put("device", name(device));
        json.put("dtype", type.dataType().toString());
        json.put("url", url(server));
        return json;
    }

    private String url(ModelServer server) {
        String address = host.contains(":") ? "[" + host + "]" : host;
        return "http://" + address + ":" + server.port() + "/v1";
    }

    /** The end of the process closes the server, unless this thread is interrupted before. */
    private static void awaitTheEnd(ModelServer server) throws InterruptedException {
        Runtime.getRuntime().addShutdownHook(new Thread(server::close));
        new CountDownLatch(1).await();
    }
}
