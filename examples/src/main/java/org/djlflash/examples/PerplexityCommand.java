package org.djlflash.examples;

import ai.djl.Device;
import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.djlflash.zoo.Tokenizers;
import org.djlflash.zoo.evaluate.Perplexity;
import org.djlflash.zoo.gpt2.Gpt2;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Measures how well GPT-2 predicts a text. */
@Command(
        name = "perplexity",
        description = "Measures how well GPT-2 predicts a text.",
        mixinStandardHelpOptions = true)
final class PerplexityCommand extends ModelCommand {

    @Mixin private ModelFolder model;

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
        if (!Files.isRegularFile(text)) {
            throw new IllegalArgumentException("--text " + text + ": not a file");
        }
        Device device = device();
        Path folder = model.find();
        try (Gpt2 gpt2 = Gpt2.load(folder, device, null);
                HuggingFaceTokenizer tokenizer = Tokenizers.open(folder)) {
            int tokens = window == null ? gpt2.maxPositions() : window;
            Perplexity result =
                    Perplexity.measure(gpt2, ids(tokenizer), tokens, new ConsoleProgress());
            say(
                    String.format(
                            "%.4f nats per token, perplexity %.3f, %d windows of %d tokens on %s",
                            result.natsPerToken(),
                            result.perplexity(),
                            result.windows(),
                            tokens,
                            name(device)));
            Map<String, Object> json = new LinkedHashMap<>();
            json.put("nats_per_token", result.natsPerToken());
            json.put("perplexity", result.perplexity());
            json.put("windows", result.windows());
            json.put("window", tokens);
            json.put("device", name(device));
            report(json);
        }
        return 0;
    }

    /** Encodes line by line, as the models' training did. */
    private long[] ids(HuggingFaceTokenizer tokenizer) throws IOException {
        try (Stream<String> lines = Files.lines(text, StandardCharsets.UTF_8)) {
            return lines.flatMapToLong(
                            line -> LongStream.of(tokenizer.encode(line + "\n").getIds()))
                    .toArray();
        } catch (UncheckedIOException e) {
            throw new IllegalArgumentException("--text " + text + ": not UTF-8", e);
        }
    }
}
