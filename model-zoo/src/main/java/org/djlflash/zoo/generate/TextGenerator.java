package org.djlflash.zoo.generate;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import org.djlflash.AttentionExplanation.Verdict;
import org.djlflash.FlashAttention;
import org.djlflash.zoo.generate.CausalLanguageModel.Sequence;
import org.djlflash.zoo.generate.GenerationResult.Finish;
import org.djlflash.zoo.generate.sampling.Sampler;
import org.djlflash.zoo.generate.sampling.SamplingOptions;

/**
 * Generates token by token: the prompt is read at once, every later token costs one step with what
 * the model keeps of those before.
 *
 * <p>Safe for use by many threads; memory is freed step by step, and nothing is left on the model's
 * manager.
 */
public final class TextGenerator {

    private final CausalLanguageModel model;

    /**
     * Creates a generator.
     *
     * @param model the model, which stays the caller's
     */
    public TextGenerator(CausalLanguageModel model) {
        this.model = model;
    }

    /**
     * Continues a prompt.
     *
     * @param prompt the ids of the prompt, at least 1
     * @param maxNewTokens the greatest number of new tokens, at least 1; prompt and new tokens
     *     together fit into the model's positions
     * @param sampling how the next token is chosen
     * @param listener told of each token
     * @return the new tokens
     * @throws IllegalArgumentException if the prompt is empty, too long or holds an unknown id
     */
    public GenerationResult generate(
            int[] prompt, int maxNewTokens, SamplingOptions sampling, GenerationListener listener) {
        check(prompt, maxNewTokens);
        int capacity = prompt.length + maxNewTokens;
        int[] history = Arrays.copyOf(prompt, capacity);
        Sampler sampler = sampling.newSampler();
        List<Integer> ends = model.endTokenIds();
        int length = prompt.length;
        Finish finish = Finish.LENGTH;
        long start = System.nanoTime();
        long first = 0;
        int read = 0;
        try (NDManager scope = model.manager().newSubManager();
                Sequence sequence = model.newSequence(scope, 1, capacity)) {
            while (length < capacity) {
                float[] logits = read(sequence, history, read, length, scope);
                read = length;
                int next = sampler.next(logits, Arrays.copyOf(history, length));
                first = first == 0 ? System.nanoTime() : first;
                if (ends.contains(next)) {
                    finish = Finish.END_TOKEN;
                    break;
                }
                history[length++] = next;
                if (!listener.onToken(next, length - prompt.length)) {
                    finish = Finish.CANCELLED;
                    break;
                }
            }
        }
        return new GenerationResult(
                Arrays.copyOfRange(history, prompt.length, length),
                finish,
                Duration.ofNanos(first - start),
                Duration.ofNanos(System.nanoTime() - first),
                attention(prompt.length, prompt.length),
                attention(1, Math.max(read, prompt.length + 1)));
    }

    private static float[] read(
            Sequence sequence, int[] history, int from, int to, NDManager scope) {
        try (NDManager step = scope.newSubManager()) {
            long[] ids = Arrays.stream(history, from, to).asLongStream().toArray();
            NDArray logits = sequence.read(step.create(ids, new Shape(1, ids.length)));
            return logits.toFloatArray();
        }
    }

    private Verdict attention(int queries, int keys) {
        return FlashAttention.explain(model.attentionRequest(queries, keys)).verdicts().stream()
                .filter(Verdict::chosen)
                .findFirst()
                .orElseThrow();
    }

    private void check(int[] prompt, int maxNewTokens) {
        if (prompt.length == 0) {
            throw new IllegalArgumentException("prompt of 0 tokens, allowed is 1 or more");
        }
        if (maxNewTokens < 1 || maxNewTokens > model.maxPositions() - prompt.length) {
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
