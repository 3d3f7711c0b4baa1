package org.djlflash.zoo.provider;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.translate.Batchifier;
import ai.djl.translate.Translator;
import ai.djl.translate.TranslatorContext;
import java.util.List;
import org.djlflash.zoo.Tokenizers;
import org.djlflash.zoo.generate.GenerationOptions;

/**
 * Turns prompts into token ids and new token ids into text: the continuation without the prompt.
 * Prompts of a batch are continued at once.
 *
 * <p>For a {@link GenerationBlock}. Safe for use by many threads: DJL gives one translator to all
 * predictors of a model.
 */
public final class TextGenerationTranslator implements Translator<String, String> {

    private final HuggingFaceTokenizer tokenizer;
    private final GenerationOptions options;

    /**
     * Creates a translator.
     *
     * @param tokenizer the tokenizer, which stays the caller's
     * @param options how much is generated, and how
     */
    public TextGenerationTranslator(HuggingFaceTokenizer tokenizer, GenerationOptions options) {
        this.tokenizer = tokenizer;
        this.options = options;
    }

    /** Makes a request of texts. */
    static GenerationRequest request(
            TranslatorContext ctx,
            HuggingFaceTokenizer tokenizer,
            List<String> prompts,
            GenerationOptions options) {
        NDArray[] padded =
                PaddedIds.pad(
                        ctx.getNDManager(),
                        prompts.stream()
                                .map(text -> Tokenizers.encodePrompt(tokenizer, text))
                                .toList());
        return new GenerationRequest(padded[0], padded[1], options, tokenizer::decode);
    }

    @Override
    public NDList processInput(TranslatorContext ctx, String prompt) {
        return batchProcessInput(ctx, List.of(prompt));
    }

    @Override
    public String processOutput(TranslatorContext ctx, NDList list) {
        return batchProcessOutput(ctx, list).get(0);
    }

    @Override
    public NDList batchProcessInput(TranslatorContext ctx, List<String> prompts) {
        return request(ctx, tokenizer, prompts, options);
    }

    @Override
    public List<String> batchProcessOutput(TranslatorContext ctx, NDList list) {
        return ((GenerationOutcome) list)
                .results().stream().map(result -> result.text().orElseThrow()).toList();
    }

    /** Says that there are batches; they are put together here, since prompts differ in length. */
    @Override
    public Batchifier getBatchifier() {
        return Batchifier.STACK;
    }
}
