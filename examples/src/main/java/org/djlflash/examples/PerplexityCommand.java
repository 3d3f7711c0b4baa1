package org.djlflash.examples;

import ai.djl.Device;
import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import org.djlflash.zoo.Tokenizers;
import org.djlflash.zoo.decoder.DecoderModel;
import org.djlflash.zoo.evaluate.Perplexity;
import org.djlflash.zoo.provider.CausalModels;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Measures how well a language model predicts a text. */
@Command(
        name = "perplexity",
        description = "Measures how well a language model predicts a text.",
        mixinStandardHelpOptions = true)
final class PerplexityCommand extends ModelCommand {

    @Mixin private ModelFolder model;

    @Mixin private WeightType type;

    @Option(
            names = "--text",
            paramLabel = "FILE",
            required = true,
            description = "The text, in UTF-8.")
    private Path text;

    @Option(
            names = "--window",
            paramLabel = "W",
            description = "How many tokens are read at once. Default: all that the model can.")
    private Integer window;

    @Override
    public Integer call() throws Exception {
        String content = TextFile.read("--text", text);
        Device device = device();
        try (DecoderModel<?> language = load(model, device, type.dataType(), CausalModels::load);
                HuggingFaceTokenizer tokenizer = model.read(Tokenizers::open);
                ConsoleProgress progress = progress()) {
            int tokens = window == null ? language.maxPositions() : window;
            long[] ids = TextFile.encode(tokenizer, content);
            Perplexity result = Perplexity.measure(language, ids, tokens, progress);
            sayf(
                    "%.4f nats per token, perplexity %.3f, %d windows of %d tokens, %s on %s",
                    result.natsPerToken(),
                    result.perplexity(),
                    result.windows(),
                    tokens,
                    type.dataType(),
                    name(device));
            Map<String, Object> json = new LinkedHashMap<>();
            json.put("nats_per_token", result.natsPerToken());
            json.put("perplexity", result.perplexity());
            json.put("windows", result.windows());
            json.put("window", tokens);
            json.put("device", name(device));
            json.put("dtype", type.dataType().toString());
            report(json);
        }
        return 0;
    }
}
