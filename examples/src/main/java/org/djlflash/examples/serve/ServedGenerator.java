package org.djlflash.examples.serve;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import java.util.List;
import java.util.stream.LongStream;
import org.djlflash.zoo.Tokenizers;
import org.djlflash.zoo.generate.CausalLanguageModel;
import org.djlflash.zoo.generate.GenerationRequest;
import org.djlflash.zoo.generate.TextGenerator;

/**
 * A language model with its name and tokenizer, both of them the caller's. Safe for many threads.
 */
public final class ServedGenerator implements ServedModel {

    private final String name;
    private final CausalLanguageModel model;
    private final HuggingFaceTokenizer tokenizer;
    private final TextGenerator generator;

    /**
     * Describes a model.
     *
     * @param name what clients call it
     * @param model the model
     * @param tokenizer its tokenizer
     */
    public ServedGenerator(String name, CausalLanguageModel model, HuggingFaceTokenizer tokenizer) {
        this.name = name;
        this.model = model;
        this.tokenizer = tokenizer;
        generator = new TextGenerator(model, tokenizer::decode);
    }

    @Override
    public String name() {
        return name;
    }

    /**
     * Turns a prompt into tokens.
     *
     * @throws ApiException if it has none, or is too long
     */
    int[] encode(String prompt, int maxTokens) {
        int[] ids =
                LongStream.of(Tokenizers.encodePrompt(tokenizer, Unicode.require("prompt", prompt)))
                        .mapToInt(Math::toIntExact)
                        .toArray();
        if (ids.length == 0) {
            throw ApiException.invalid("prompt", "prompt of 0 tokens, allowed is 1 or more");
        }
        if (maxTokens > model.maxPositions() - ids.length) {
            throw ApiException.contextTooLong(
                    "prompt",
                    "prompt of "
                            + ids.length
                            + " tokens and "
                            + maxTokens
                            + " new ones (max_tokens), allowed is "
                            + model.maxPositions()
                            + " in all");
        }
        return ids;
    }

    /** Runs jobs at once; each ends by itself. */
    void complete(List<CompletionJob> jobs) {
        generator.generate(
                jobs.stream()
                        .map(job -> new GenerationRequest(job.prompt(), job.options(), job))
                        .toList());
    }
}
