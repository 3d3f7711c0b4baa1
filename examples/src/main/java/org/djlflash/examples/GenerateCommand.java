package org.djlflash.examples;

import ai.djl.Device;
import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.stream.LongStream;
import org.djlflash.zoo.Tokenizers;
import org.djlflash.zoo.decoder.DecoderModel;
import org.djlflash.zoo.generate.GenerationResult;
import org.djlflash.zoo.generate.TextGenerator;
import org.djlflash.zoo.generate.sampling.SamplingOptions;
import org.djlflash.zoo.provider.CausalModels;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Continues a prompt with a language model. */
@Command(
        name = "generate",
        description = "Continues a prompt with a language model.",
        mixinStandardHelpOptions = true)
final class GenerateCommand extends ModelCommand {

    /** The prompt, as text or as token ids. */
    private static final class Prompt {

        @Option(names = "--prompt", paramLabel = "TEXT", description = "The text to continue.")
        private String text;

        @Option(
                names = "--ids",
                paramLabel = "ID,ID...",
                converter = Numbers.Converter.class,
                description = "The token ids to continue, separated by commas.")
        private Numbers ids;
    }

    @Mixin private ModelFolder model;

    @Mixin private WeightType type;

    @ArgGroup(multiplicity = "1")
    private Prompt prompt;

    @Option(
            names = "--max-new-tokens",
            paramLabel = "N",
            defaultValue = "48",
            description = "How many tokens to add at most. Default: ${DEFAULT-VALUE}.")
    private int maxNewTokens;

    @Option(
            names = "--temperature",
            paramLabel = "X",
            defaultValue = "0",
            description = "0 takes the likeliest token, more makes others likelier. Default: 0.")
    private double temperature;

    @Option(
            names = "--top-k",
            paramLabel = "K",
            description = "Sample from the K likeliest tokens.")
    private Integer topK;

    @Option(
            names = "--top-p",
            paramLabel = "P",
            description = "Sample from the likeliest tokens that make up the probability P.")
    private Double topP;

    @Option(
            names = "--repetition-penalty",
            paramLabel = "X",
            description = "More than 1 makes tokens that were there less likely.")
    private Double repetitionPenalty;

    @Option(names = "--seed", paramLabel = "N", description = "The same seed gives the same text.")
    private Long seed;

    @Override
    public Integer call() throws Exception {
        SamplingOptions sampling = sampling();
        Device device = device();
        try (DecoderModel<?> language = load(model, device, type.dataType(), CausalModels::load);
                HuggingFaceTokenizer tokenizer = model.read(this::tokenizer)) {
            int[] ids = promptIds(tokenizer);
            String head = prompt.text == null ? "" : prompt.text;
            TextStream stream = new TextStream(tokenizer, head, this::sayOn);
            GenerationResult result =
                    new TextGenerator(language)
                            .generate(ids, maxNewTokens, sampling, (id, count) -> stream.add(id));
            stream.end();
            say("");
            sayf("[%s, %s on %s]", result, type.dataType(), name(device));
            report(describe(result, stream.text(), device));
        }
        return 0;
    }

    /** A model that is given token ids needs no tokenizer. */
    private HuggingFaceTokenizer tokenizer(Path folder) throws IOException {
        boolean needed = prompt.text != null;
        return needed || Files.exists(folder.resolve("tokenizer.json"))
                ? Tokenizers.open(folder)
                : null;
    }

    private int[] promptIds(HuggingFaceTokenizer tokenizer) {
        if (prompt.ids != null) {
            return prompt.ids.values().stream().mapToInt(Integer::intValue).toArray();
        }
        return LongStream.of(Tokenizers.encodePrompt(tokenizer, prompt.text))
                .mapToInt(Math::toIntExact)
                .toArray();
    }

    private SamplingOptions sampling() {
        SamplingOptions.Builder builder = SamplingOptions.builder().optTemperature(temperature);
        if (topK != null) {
            builder.optTopK(topK);
        }
        if (topP != null) {
            builder.optTopP(topP);
        }
        if (repetitionPenalty != null) {
            builder.optRepetitionPenalty(repetitionPenalty);
        }
        if (seed != null) {
            builder.optSeed(seed);
        }
        return builder.build();
    }

    private Map<String, Object> describe(GenerationResult result, String text, Device device) {
        Map<String, Object> json = new LinkedHashMap<>();
        json.put("text", text);
        json.put("new_ids", Arrays.stream(result.ids()).boxed().toList());
        json.put("finish", result.finish().name().toLowerCase(Locale.ROOT));
        json.put("device", name(device));
        json.put("dtype", type.dataType().toString());
        json.put("prefill_backend", result.prefill().backend().id());
        json.put("prefill_kernels", result.prefill().kernels());
        json.put("decode_backend", result.decode().backend().id());
        json.put("decode_kernels", result.decode().kernels());
        json.put("prefill_milliseconds", result.prefillTime().toNanos() / 1e6);
        json.put("tokens_per_second", result.tokensPerSecond());
        return json;
    }
}
