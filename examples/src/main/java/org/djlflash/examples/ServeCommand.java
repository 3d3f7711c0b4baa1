package org.djlflash.examples;

import ai.djl.Device;
import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import org.djlflash.examples.serve.ModelServer;
import org.djlflash.examples.serve.ServeLimits;
import org.djlflash.examples.serve.ServedModel;
import org.djlflash.zoo.Tokenizers;
import org.djlflash.zoo.decoder.DecoderModel;
import org.djlflash.zoo.provider.CausalModels;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Serves a language model over HTTP until the process is told to end. */
@Command(
        name = "serve",
        description =
                "Serves a language model over HTTP, as OpenAI's completions, until SIGTERM or"
                        + " SIGINT: then it finishes what it has and ends.",
        mixinStandardHelpOptions = true)
final class ServeCommand extends ModelCommand {

    @Mixin private ModelFolder model;

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
            description = "What clients call the model. Default: the name of its folder.")
    private String name;

    @Option(
            names = "--queue",
            paramLabel = "N",
            defaultValue = "64",
            description = "How many prompts may wait. Default: ${DEFAULT-VALUE}.")
    private int queue;

    @Option(
            names = "--batch",
            paramLabel = "N",
            defaultValue = "8",
            description =
                    "How many prompts that wait at one moment are continued at once at most."
                            + " Default: ${DEFAULT-VALUE}.")
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

    @Override
    public Integer call() throws Exception {
        ServeLimits limits =
                new ServeLimits(queue, batch, requestBytes, Duration.ofSeconds(seconds));
        Device device = device();
        String shownName = name == null ? model.find().toRealPath().getFileName().toString() : name;
        try (DecoderModel<?> language = load(model, device, type.dataType(), CausalModels::load);
                HuggingFaceTokenizer tokenizer = model.read(Tokenizers::open)) {
            ServedModel served = new ServedModel(shownName, language, tokenizer);
            try (ModelServer server = new ModelServer(served, limits, host, port)) {
                say(shownName + " on " + name(device) + ": " + url(server));
                report(describe(shownName, server, device));
                awaitTheEnd(server);
            }
        }
        return 0;
    }

    private Map<String, Object> describe(String shownName, ModelServer server, Device device) {
        Map<String, Object> json = new LinkedHashMap<>();
        json.put("model", shownName);
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
