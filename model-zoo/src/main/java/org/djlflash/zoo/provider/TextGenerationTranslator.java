package org.djlflash.zoo.provider;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.types.Shape;
import ai.djl.translate.NoBatchifyTranslator;
import ai.djl.translate.TranslatorContext;
import org.djlflash.zoo.Tokenizers;

/**
 * Turns a prompt into token ids and new token ids into text: the continuation without the prompt.
 *
 * <p>For a {@link GenerationBlock}. Safe for use by many threads: DJL gives one translator to all
 * predictors of a model.
 */
public final class TextGenerationTranslator implements NoBatchifyTranslator<String, String> {

    private final HuggingFaceTokenizer tokenizer;

    /**
     * Creates a translator.
     *
     * @param tokenizer the tokenizer, which stays the caller's
     */
    public TextGenerationTranslator(HuggingFaceTokenizer tokenizer) {
        this.tokenizer = tokenizer;
    }

    @Override
    public NDList processInput(TranslatorContext ctx, String prompt) {
        long[] ids = Tokenizers.encodePrompt(tokenizer, prompt);
        return new NDList(ctx.getNDManager().create(ids, new Shape(1, ids.length)));
    }

    @Override
    public String processOutput(TranslatorContext ctx, NDList list) {
        NDArray ids = list.singletonOrThrow();
        return tokenizer.decode(ids.toLongArray());
    }
}
