package org.djlflash.zoo.provider;

import ai.djl.ndarray.NDList;
import ai.djl.translate.NoBatchifyTranslator;
import ai.djl.translate.TranslatorContext;
import java.util.List;
import java.util.function.Function;

/**
 * Does a {@link TextTask} for one text or several. Safe for use by many threads: DJL gives one
 * translator to all predictors of a model.
 *
 * @param <I> the texts
 * @param <R> the result of one text
 * @param <O> the results
 */
final class TextTranslator<I, R, O> implements NoBatchifyTranslator<I, O> {

    private final TextTask<R> task;
    private final Function<I, List<String>> texts;
    private final Function<List<R>, O> results;

    TextTranslator(
            TextTask<R> task, Function<I, List<String>> texts, Function<List<R>, O> results) {
        this.task = task;
        this.texts = texts;
        this.results = results;
    }

    @Override
    public NDList processInput(TranslatorContext ctx, I input) {
        return task.encode(ctx, texts.apply(input));
    }

    @Override
    public O processOutput(TranslatorContext ctx, NDList list) {
        return results.apply(task.decode(ctx, list));
    }
}
