package org.djlflash.examples;

import ai.djl.Device;
import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.LongStream;
import org.djlflash.zoo.Tokenizers;
import org.djlflash.zoo.decoder.DecoderModel;
import org.djlflash.zoo.generate.GenerationListener;
import org.djlflash.zoo.generate.GenerationOptions;
import org.djlflash.zoo.generate.GenerationResult;
import org.djlflash.zoo.generate.GenerationResult.Finish;
import org.djlflash.zoo.generate.TextGenerator;
import org.djlflash.zoo.generate.TokenDecoder;
import org.djlflash.zoo.provider.CausalModels;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Continues a prompt with a language model. */
@Command(
        name = "generate",
        description = "Continues prompts with a language model.",
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

        @Option(
                names = "--prompts-file",
                paramLabel = "FILE",
                description = "A file with a text to continue in every line, all at once.")
        private Path file;
    }

    @Mixin private ModelFolder model;

    @Mixin private WeightType type;

    @ArgGroup(multiplicity = "1")
    private Prompt prompt;

    @Mixin private GenerationFlags flags;

    @Override
    public Integer call() throws Exception {
        GenerationOptions options = flags.options();
        List<String> texts = texts();
        Device device = device();
        try (DecoderModel<?> language = load(model, device, type.dataType(), CausalModels::load);
                HuggingFaceTokenizer tokenizer = model.read(this::tokenizer)) {
            TokenDecoder decoder = tokenizer == null ? null : tokenizer::decode;
            TextGenerator generator = new TextGenerator(language, decoder);
            if (prompt.file != null) {
                printAll(generator, tokenizer, texts, options, device);
            } else {
                print(generator, tokenizer, texts, options, device);
            }
        }
        return 0;
    }

    /** The prompts as text, none if token ids are given. */
    private List<String> texts() throws IOException {
        if (prompt.file != null) {
            return TextFile.read("--prompts-file", prompt.file)
                    .lines()
                    .filter(line -> !line.isBlank())
                    .toList();
        }
        return prompt.text == null ? List.of() : List.of(prompt.text);
    }

    /** A model that is given token ids needs no tokenizer. */
    private HuggingFaceTokenizer tokenizer(Path folder) throws IOException {
        return prompt.ids == null || Files.exists(folder.resolve("tokenizer.json"))
                ? Tokenizers.open(folder)
                : null;
    }

    private static int[] encode(HuggingFaceTokenizer tokenizer, String text) {
        return LongStream.of(Tokenizers.encodePrompt(tokenizer, text))
                .mapToInt(Math::toIntExact)
                .toArray();
    }

    /** Continues a prompt, printing text as it comes. */
    private void print(
            TextGenerator generator,
            HuggingFaceTokenizer tokenizer,
            List<String> texts,
            GenerationOptions options,
            Device device)
            throws IOException {
        String text = texts.isEmpty() ? "" : texts.get(0);
        int[] ids =
                texts.isEmpty()
                        ? prompt.ids.values().stream().mapToInt(Integer::intValue).toArray()
                        : encode(tokenizer, text);
        GenerationListener printer = new Printer(text, tokenizer == null);
        GenerationResult result = generator.generate(ids, options, printer);
        say("");
        sayf("[%s, %s on %s]", result, type.dataType(), name(device));
        report(describe(text, result, device));
    }

    /** Prints what is new, and the prompt before it, but not before there is something. */
    private final class Printer implements GenerationListener {

        private final boolean printsIds;
        private String head;

        Printer(String head, boolean printsIds) {
            this.head = head;
            this.printsIds = printsIds;
        }

        @Override
        public boolean onToken(int id, int count) {
            if (printsIds) {
                onText(" " + id);
            }
            return true;
        }

        @Override
        public void onText(String part) {
            sayOn(head + part);
            head = "";
        }
    }

    /** Continues all prompts at once, and prints them in their order. */
    private void printAll(
            TextGenerator generator,
            HuggingFaceTokenizer tokenizer,
            List<String> texts,
            GenerationOptions options,
            Device device)
            throws IOException {
        List<int[]> prompts = texts.stream().map(text -> encode(tokenizer, text)).toList();
        List<GenerationResult> results =
                generator.generate(prompts, options, i -> (id, count) -> true);
        for (int i = 0; i < results.size(); i++) {
            GenerationResult result = results.get(i);
            say(texts.get(i) + result.text().orElseThrow());
            sayf("[%s, %s on %s]", result, type.dataType(), name(device));
            report(describe(texts.get(i), result, device));
        }
    }

    private Map<String, Object> describe(String text, GenerationResult result, Device device) {
        Map<String, Object> json = new LinkedHashMap<>();
        json.put("prompt", text.isEmpty() ? null : text);
        json.put("text", result.text().orElse(null));
        json.put("new_ids", Arrays.stream(result.ids()).boxed().toList());
        json.put("finish", name(result.finish()));
        json.put("device", name(device));
        json.put("dtype", type.dataType().toString());
        json.put("prefill_backend", result.prefill().backend().id());
        json.put("prefill_kernels", result.prefill().kernels());
        json.put("decode_backend", result.decode().backend().id());
        json.put("decode_kernels", result.decode().kernels());
        json.put("decode_loop", result.loop());
        json.put("prefill_milliseconds", result.prefillTime().toNanos() / 1e6);
        json.put("decode_milliseconds", result.decodeTime().toNanos() / 1e6);
        json.put("tokens_per_second", result.tokensPerSecond());
        json.put(
                "hypotheses",
                result.hypotheses().stream()
                        .map(
                                found ->
                                        Map.of(
                                                "ids", found.ids(),
                                                "score", found.score(),
                                                "finish", name(found.finish())))
                        .toList());
        return json;
    }

    private static String name(Finish finish) {
        return finish.name().toLowerCase(Locale.ROOT);
    }
}
