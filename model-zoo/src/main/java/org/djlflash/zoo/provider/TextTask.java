package org.djlflash.zoo.provider;

import ai.djl.ndarray.NDList;
import ai.djl.translate.TranslatorContext;
import java.util.List;

/**
 * What a model makes of texts, as arrays before and after it. Safe for use by many threads.
 *
 * @param <R> what it makes of one text
 */
interface TextTask<R> {

    /**
     * Turns texts into the inputs of the model's block.
     *
     * @throws IllegalArgumentException if a text does not suit the model
     */
    NDList encode(TranslatorContext ctx, List<String> texts);

    /** Turns the block's outputs into one result a text. */
    List<R> decode(TranslatorContext ctx, NDList outputs);
}
