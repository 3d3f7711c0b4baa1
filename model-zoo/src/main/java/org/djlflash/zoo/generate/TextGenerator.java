package org.djlflash.zoo.generate;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.IntFunction;
import java.util.stream.IntStream;
import org.djlflash.AttentionExplanation.Verdict;
import org.djlflash.FlashAttention;
import org.djlflash.zoo.generate.Search.Found;
import org.djlflash.zoo.generate.sampling.LogitsRule;
import org.djlflash.zoo.generate.sampling.RepetitionPenalty;
import org.djlflash.zoo.generate.sampling.Sampler;

/**
 * Generates token by token: prompts are read at once, every later token costs one step with what
 * the model keeps of those before. Prompts of a batch may differ in length; each ends by itself and
 * is continued as if it were alone.
 *
 * <p>Safe for use by many threads; memory is freed step by step, and nothing is left on the model's
 * manager.
 */
public final class TextGenerator {

    private final CausalLanguageModel model;

    /** Null if there is none. */
    private final TokenDecoder decoder;

    /**
     * Creates a generator of tokens.
     *
     * @param model the model, which stays the caller's
     */
    public TextGenerator(CausalLanguageModel model) {
        this(model, null);
    }

    /**
     * Creates a generator of text.
     *
     * @param model the model, which stays the caller's
     * @param decoder turns tokens into text; null for none: then there is neither text nor a stop
     *     string
     */
    public TextGenerator(CausalLanguageModel model, TokenDecoder decoder) {
        this.model = model;
        this.decoder = decoder;
    }

    /**
     * Continues a prompt.
     *
     * @param prompt the ids of the prompt, at least 1; prompt and new tokens together fit into the
     *     model's positions
     * @param options how much is generated, and how
     * @param listener told of each token
     * @return the new tokens
     * @throws IllegalArgumentException if the prompt is empty, too long or holds an unknown id, or
     *     if there is a stop string but no decoder
     */
    public GenerationResult generate(
            int[] prompt, GenerationOptions options, GenerationListener listener) {
        return generate(List.of(prompt), options, row -> listener).get(0);
    }

    /**
     * Continues several prompts at once.
     *
     * @param prompts the ids of each, as for a single one
     * @param options how much is generated of each, and how
     * @param listeners gives what is told of each token, by the prompt's number
     * @return the new tokens, in the order of the prompts
     * @throws IllegalArgumentException if there is no prompt, or one is not allowed
     */
    public List<GenerationResult> generate(
            List<int[]> prompts,
            GenerationOptions options,
            IntFunction<? extends GenerationListener> listeners) {
        return finish(begin(prompts, options, listeners), prompts.size());
    }

    /**
     * Continues several prompts at once, each in its own way.
     *
     * @param requests the prompts
     * @return the new tokens, in the order of the requests
     * @throws IllegalArgumentException if there is no request, or one is not allowed or wants beam
     *     search
     */
    public List<GenerationResult> generate(List<GenerationRequest> requests) {
        List<int[]> prompts = requests.stream().map(GenerationRequest::prompt).toList();
        List<Search> searches = new ArrayList<>();
        int capacity = 0;
        DecodeLoop loop = DecodeLoop.GRAPH;
        int pageSize = 0;
        for (GenerationRequest request : requests) {
            GenerationOptions options = request.options();
            check(List.of(request.prompt()), options);
            if (options.beams().beams() > 1) {
                throw new IllegalArgumentException(
                        options.beams().beams()
                                + " beams beside other prompts, allowed is no beam search");
            }
            Sampler sampler = options.sampling().newSampler();
            searches.add(search(request.prompt(), options, sampler, request.listener()));
            capacity = Math.max(capacity, request.prompt().length + options.maxNewTokens());
            pageSize = Math.max(pageSize, options.pageSize());
            loop = options.loop().compareTo(loop) > 0 ? options.loop() : loop;
        }
        if (requests.isEmpty()) {
            throw new IllegalArgumentException("0 prompts, allowed is 1 or more");
        }
        return finish(
                new BatchRun(model, prompts, searches, 1, capacity, loop, pageSize),
                requests.size());
    }

    private List<GenerationResult> finish(BatchRun batch, int count) {
        try (BatchRun run = batch) {
            boolean more = true;
            while (more) {
                more = run.step();
            }
            return IntStream.range(0, count).mapToObj(i -> result(run, i)).toList();
        }
    }

    /**
     * Continues a prompt as far as its text is asked for, in the thread that asks.
     *
     * @param prompt the ids of the prompt
     * @param options how much is generated, and how
     * @return the parts of the text, to be closed
     * @throws IllegalArgumentException if the prompt is empty, too long or holds an unknown id
     * @throws IllegalStateException if the generator has no decoder
     */
    public TextParts stream(int[] prompt, GenerationOptions options) {
        if (decoder == null) {
            throw new IllegalStateException("a stream of text needs a decoder, there is none");
        }
        TextParts.Queue parts = new TextParts.Queue();
        BatchRun run = begin(List.of(prompt), options, i -> parts);
        return new TextParts(run, parts, () -> result(run, 0));
    }

    private BatchRun begin(
            List<int[]> prompts,
            GenerationOptions options,
            IntFunction<? extends GenerationListener> listeners) {
        check(prompts, options);
        List<Search> searches = new ArrayList<>();
        List<Sampler> samplers = options.sampling().newSamplers(prompts.size());
        for (int i = 0; i < prompts.size(); i++) {
            searches.add(search(prompts.get(i), options, samplers.get(i), listeners.apply(i)));
        }
        int longest = prompts.stream().mapToInt(prompt -> prompt.length).max().orElseThrow();
        return new BatchRun(
                model,
                prompts,
                searches,
                options.beams().beams(),
                longest + options.maxNewTokens(),
                options.loop(),
                options.pageSize());
    }

    private Search search(
            int[] prompt, GenerationOptions options, Sampler sampler, GenerationListener listener) {
        List<Integer> ends = model.endTokenIds();
        if (options.beams().beams() > 1) {
            double penalty = options.sampling().repetitionPenalty();
            List<LogitsRule> rules =
                    penalty == 1 ? List.of() : List.of(new RepetitionPenalty(penalty));
            return new BeamSearch(prompt, options, rules, ends, decoder, listener);
        }
        GrowingText text =
                decoder == null ? null : new GrowingText(decoder, prompt, options.stopStrings());
        return new SingleSearch(prompt, options.maxNewTokens(), sampler, ends, text, listener);
    }

    private GenerationResult result(BatchRun run, int index) {
        Found found = run.found(index);
        int length = run.promptLength(index);
        return new GenerationResult(
                found.ids(),
                found.text(),
                found.finish(),
                Duration.ofNanos(run.prefillNanos()),
                Duration.ofNanos(run.decodeNanos(index)),
                attention(length, length),
                attention(1, length + Math.max(1, found.ids().length - 1)),
                run.loop(),
                found.hypotheses());
    }

    private Verdict attention(int queries, int keys) {
        return FlashAttention.explain(model.attentionRequest(queries, keys)).verdicts().stream()
                .filter(Verdict::chosen)
                .findFirst()
                .orElseThrow();
    }

    private void check(List<int[]> prompts, GenerationOptions options) {
        if (prompts.isEmpty()) {
            throw new IllegalArgumentException("0 prompts, allowed is 1 or more");
        }
        if (decoder == null && !options.stops().isEmpty()) {
            throw new IllegalArgumentException(
                    "stop strings " + options.stops() + " without a tokenizer, allowed are none");
        }
        prompts.forEach(prompt -> check(prompt, options.maxNewTokens()));
    }

    private void check(int[] prompt, int maxNewTokens) {
        if (prompt.length == 0) {
            throw new IllegalArgumentException("prompt of 0 tokens, allowed is 1 or more");
        }
        if (maxNewTokens > model.maxPositions() - prompt.length) {
            throw new IllegalArgumentException(
                    "prompt of "
                            + prompt.length
                            + " tokens and "
                            + maxNewTokens
                            + " new ones, allowed is at least 1 new one and "
                            + model.maxPositions()
                            + " in all");
        }
        for (int id : prompt) {
            if (id < 0 || id >= model.vocabularySize()) {
                throw new IllegalArgumentException(
                        "token id " + id + ", allowed is 0 to " + (model.vocabularySize() - 1));
            }
        }
    }
}
