package org.djlflash.examples.load;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.djlflash.zoo.Tokenizers;
import org.djlflash.zoo.embed.TextEmbedder;
import org.djlflash.zoo.embed.TokenIds;
import org.djlflash.zoo.generate.CausalLanguageModel;
import org.djlflash.zoo.generate.GenerationOptions;
import org.djlflash.zoo.generate.TextGenerator;
import org.djlflash.zoo.generate.sampling.SamplingOptions;

/**
 * Requests of all kinds and lengths in a random order that the seed repeats: of ten, two want a
 * continuation at once, four as it comes, two want vectors, one hangs up, one is hostile. What the
 * good ones have to get is computed beforehand, one by one and without a server.
 */
public final class LoadMix {

    private static final List<Kind> SHARES =
            List.of(
                    Kind.COMPLETION,
                    Kind.COMPLETION,
                    Kind.STREAM,
                    Kind.STREAM,
                    Kind.STREAM,
                    Kind.STREAM,
                    Kind.EMBEDDING,
                    Kind.EMBEDDING,
                    Kind.CUT_OFF,
                    Kind.HOSTILE);

    private static final List<String> PHRASES =
            List.of(
                    "In the beginning",
                    "And the king said unto",
                    "The LORD is my shepherd",
                    "Blessed are they that mourn",
                    "and the waters prevailed upon the earth",
                    "Go ye therefore",
                    "As for me and my house",
                    "Now it came to pass in those days");

    /** How many of the phrases the prompts have. */
    private static final int[] PROMPT_LENGTHS = {1, 1, 1, 2, 3, 5, 8, 21};

    private static final int[] TOKENS = {4, 16, 48};
    private static final int SAMPLED_TOKENS = 24;
    private static final double TEMPERATURE = 0.8;
    private static final int MOST_TEXTS = 8;
    private static final int HUGE = 10_000_000;

    /** A stream of this many tokens is far from its end when the client hangs up. */
    private static final int CUT_OFF_TOKENS = 300;

    private static final int CUT_OFF_BYTES = 600;

    private final Random random;
    private final String generatorName;
    private final String embedderName;
    private final List<CompletionAsk> completions = new ArrayList<>();
    private final List<EmbeddingAsk> embeddings = new ArrayList<>();
    private final List<HostileAsk> hostile = new ArrayList<>();

    /**
     * Computes what has to be answered.
     *
     * @param generatorName what clients call the language model
     * @param model the language model
     * @param tokenizer its tokenizer
     * @param embedderName what clients call the embedder
     * @param embedder the embedder
     * @param embedderTokenizer its tokenizer
     * @param tolerance how far a number of a vector may be off
     * @param seed the same seed gives the same requests
     */
    public LoadMix(
            String generatorName,
            CausalLanguageModel model,
            HuggingFaceTokenizer tokenizer,
            String embedderName,
            TextEmbedder embedder,
            HuggingFaceTokenizer embedderTokenizer,
            double tolerance,
            long seed) {
        this.generatorName = generatorName;
        this.embedderName = embedderName;
        random = new Random(seed);
        List<String> prompts = IntStream.of(PROMPT_LENGTHS).mapToObj(this::text).toList();
        addCompletions(prompts, new TextGenerator(model, tokenizer::decode), tokenizer);
        addEmbeddings(prompts, embedder, embedderTokenizer, tolerance);
        addHostile();
    }

    private String text(int phrases) {
        return String.join(
                ", ", random.ints(phrases, 0, PHRASES.size()).mapToObj(PHRASES::get).toList());
    }

    private void addCompletions(
            List<String> prompts, TextGenerator generator, HuggingFaceTokenizer tokenizer) {
        for (String prompt : prompts) {
            int[] ids =
                    LongStream.of(Tokenizers.encodePrompt(tokenizer, prompt))
                            .mapToInt(Math::toIntExact)
                            .toArray();
            for (int tokens : TOKENS) {
                String text =
                        generator
                                .generate(ids, GenerationOptions.greedy(tokens), (id, n) -> true)
                                .text()
                                .orElseThrow();
                addCompletion(body(prompt, tokens, "temperature", 0), text);
            }
            int seed = random.nextInt(1000);
            GenerationOptions sampled =
                    GenerationOptions.builder()
                            .optMaxNewTokens(SAMPLED_TOKENS)
                            .optSampling(
                                    SamplingOptions.builder()
                                            .optTemperature(TEMPERATURE)
                                            .optSeed(seed)
                                            .build())
                            .build();
            String text = generator.generate(ids, sampled, (id, n) -> true).text().orElseThrow();
            addCompletion(
                    body(prompt, SAMPLED_TOKENS, "temperature", TEMPERATURE, "seed", seed), text);
        }
    }

    private void addCompletion(Map<String, ?> body, String text) {
        completions.add(new CompletionAsk(body, text, false));
    }

    private Map<String, Object> body(String prompt, int tokens, Object... more) {
        Map<String, Object> body = new TreeMap<>();
        body.put("model", generatorName);
        body.put("prompt", prompt);
        body.put("max_tokens", tokens);
        for (int i = 0; i < more.length; i += 2) {
            body.put((String) more[i], more[i + 1]);
        }
        return body;
    }

    private void addEmbeddings(
            List<String> texts,
            TextEmbedder embedder,
            HuggingFaceTokenizer tokenizer,
            double tolerance) {
        List<float[]> vectors =
                TokenIds.encode(tokenizer, texts).stream()
                        .map(ids -> embedder.embed(List.of(ids))[0])
                        .toList();
        for (int count = 1; count <= Math.min(MOST_TEXTS, texts.size()); count++) {
            for (int first = 0; first + count <= texts.size(); first++) {
                int end = first + count;
                embeddings.add(
                        new EmbeddingAsk(
                                Map.of("model", embedderName, "input", texts.subList(first, end)),
                                vectors.subList(first, end),
                                tolerance));
            }
        }
    }

    private void addHostile() {
        String good = "{\"model\": \"" + generatorName + "\", \"prompt\": \"a\"";
        String text = "{\"model\": \"" + embedderName + "\", \"input\": ";
        String huge = "\"" + "x".repeat(HUGE) + "\"}";
        hostile(LoadClient.COMPLETIONS, 400, good);
        hostile(LoadClient.COMPLETIONS, 400, good + ", \"max_tokens\": -1}");
        hostile(LoadClient.COMPLETIONS, 400, good + ", \"temperature\": -0.5}");
        hostile(LoadClient.COMPLETIONS, 400, good + ", \"max_tokens\": 1000000000}");
        hostile(LoadClient.COMPLETIONS, 404, "{\"model\": \"gpt-4\", \"prompt\": \"a\"}");
        hostile(LoadClient.COMPLETIONS, 413, "{\"prompt\": " + huge);
        hostile(LoadClient.EMBEDDINGS, 400, text + "[[-1]]}");
        hostile(LoadClient.EMBEDDINGS, 400, text + "[\"\"]}");
        hostile(LoadClient.EMBEDDINGS, 413, text + huge);
        hostile.add(new HostileAsk(LoadClient.COMPLETIONS, "text/plain", bytes(good + "}"), 415));
        hostile(LoadClient.COMPLETIONS + "/no", 404, "{}");
    }

    private void hostile(String path, int status, String body) {
        hostile.add(new HostileAsk(path, LoadClient.JSON, bytes(body), status));
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    /** Draws requests. */
    List<Ask> draw(int count) {
        return IntStream.range(0, count)
                .mapToObj(i -> draw(SHARES.get(random.nextInt(SHARES.size()))))
                .toList();
    }

    private Ask draw(Kind kind) {
        return switch (kind) {
            case COMPLETION -> any(completions);
            case STREAM -> {
                CompletionAsk ask = any(completions);
                yield new CompletionAsk(ask.body(), ask.text(), true);
            }
            case EMBEDDING -> any(embeddings);
            case CUT_OFF ->
                    new CutOffAsk(
                            body(text(1), CUT_OFF_TOKENS, "temperature", 1, "stream", true),
                            CUT_OFF_BYTES);
            case HOSTILE -> any(hostile);
        };
    }

    private <T> T any(List<T> asks) {
        return asks.get(random.nextInt(asks.size()));
    }
}
