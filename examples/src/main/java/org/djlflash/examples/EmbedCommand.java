package org.djlflash.examples;

import ai.djl.Device;
import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import com.fasterxml.jackson.core.JsonProcessingException;
import java.io.IOException;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import org.djlflash.zoo.bert.Bert;
import org.djlflash.zoo.embed.TextEmbedder;
import org.djlflash.zoo.embed.TokenIds;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Turns texts into vectors with BERT. */
@Command(
        name = "embed",
        description = "Turns texts into vectors with BERT.",
        mixinStandardHelpOptions = true)
final class EmbedCommand extends EmbeddingCommand {

    /** How many numbers of a vector are shown to people. */
    private static final int SHOWN = 8;

    /** Texts, or one text as token ids. */
    private static final class Input {

        @Option(
                names = "--text",
                paramLabel = "TEXT",
                required = true,
                description = "A text; may be repeated.")
        private List<String> texts;

        @ArgGroup(exclusive = false)
        private Tokens tokens;
    }

    /** A text as token ids. */
    private static final class Tokens {

        @Option(
                names = "--ids",
                paramLabel = "ID,ID...",
                required = true,
                converter = Numbers.Converter.class,
                description = "Token ids, special tokens included, separated by commas.")
        private Numbers ids;

        @Option(
                names = "--types",
                paramLabel = "TYPE,TYPE...",
                converter = Numbers.Converter.class,
                description = "The type of each token. Default: 0.")
        private Numbers types;

        TokenIds read() {
            return types == null
                    ? new TokenIds(longs(ids))
                    : new TokenIds(longs(ids), longs(types));
        }

        private static long[] longs(Numbers numbers) {
            return numbers.values().stream().mapToLong(Integer::longValue).toArray();
        }
    }

    @ArgGroup(multiplicity = "1")
    private Input input;

    @Option(
            names = "--normalize",
            negatable = true,
            description = "Give every vector the length 1, or not. Default: what the folder says.")
    private Boolean normalize;

    @Override
    public Integer call() throws Exception {
        Device device = device();
        try (Bert bert = load(device)) {
            TextEmbedder embedder = embedder(bert, normalize);
            List<TokenIds> texts = texts(embedder);
            float[][] vectors = embedder.embed(texts);
            for (int i = 0; i < vectors.length; i++) {
                String text = input.texts == null ? null : input.texts.get(i);
                say(summary(embedder, text, texts.get(i), vectors[i]));
                report(embedder, text, texts.get(i), vectors[i], device);
            }
        }
        return 0;
    }

    private List<TokenIds> texts(TextEmbedder embedder) throws IOException {
        if (input.texts == null) {
            return List.of(input.tokens.read());
        }
        try (HuggingFaceTokenizer tokenizer = tokenizer(embedder)) {
            return TokenIds.encode(tokenizer, input.texts);
        }
    }

    private static String summary(
            TextEmbedder embedder, String text, TokenIds tokens, float[] vector) {
        StringBuilder shown = new StringBuilder();
        for (int i = 0; i < Math.min(SHOWN, vector.length); i++) {
            shown.append(String.format(Locale.ROOT, " %.6f", vector[i]));
        }
        String name =
                text == null
                        ? Arrays.stream(tokens.ids())
                                .mapToObj(Long::toString)
                                .collect(Collectors.joining(","))
                        : text;
        return String.format(
                "%s%n  %s of %d tokens, %d numbers:%s%s",
                name,
                embedder.options().pooling(),
                tokens.ids().length,
                vector.length,
                shown,
                vector.length > SHOWN ? " ..." : "");
    }

    private void report(
            TextEmbedder embedder, String text, TokenIds tokens, float[] vector, Device device)
            throws JsonProcessingException {
        Map<String, Object> json = new LinkedHashMap<>();
        if (text != null) {
            json.put("text", text);
        }
        json.put("ids", tokens.ids());
        json.put("embedding", vector);
        json.put("pooling", embedder.options().pooling().toString());
        json.put("normalized", embedder.options().normalize());
        json.put("device", name(device));
        json.put("dtype", dataType().toString());
        report(json);
    }
}
