package org.djlflash.zoo.provider;

import ai.djl.Model;
import ai.djl.modality.Input;
import ai.djl.modality.Output;
import ai.djl.nn.Block;
import ai.djl.translate.TranslateException;
import ai.djl.translate.Translator;
import ai.djl.translate.TranslatorFactory;
import ai.djl.util.Pair;
import java.io.IOException;
import java.io.Serializable;
import java.lang.reflect.Array;
import java.lang.reflect.Type;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Creates translators of texts: String to R, {@code String[]} to {@code R[]}, and, as DJL Serving
 * asks, Input to Output: JSON {@code {"inputs": "text"}}, or with a list of texts, to JSON. Safe
 * for use by many threads.
 *
 * @param <B> the block of the models
 * @param <R> the result of one text
 */
abstract class TextTranslatorFactory<B extends Block, R>
        implements TranslatorFactory, Serializable {

    private static final long serialVersionUID = 1L;

    private final Class<B> block;
    private final Class<R> result;

    TextTranslatorFactory(Class<B> block, Class<R> result) {
        this.block = block;
        this.result = result;
    }

    /** Creates what the translators do. What it opens, it attaches to the model. */
    abstract TextTask<R> newTask(Model model, B ofModel, Map<String, ?> arguments)
            throws IOException;

    @Override
    public Set<Pair<Type, Type>> getSupportedTypes() {
        return Set.of(
                new Pair<>(String.class, result),
                new Pair<>(String[].class, result.arrayType()),
                new Pair<>(Input.class, Output.class));
    }

    @Override
    @SuppressWarnings("unchecked")
    public <I, O> Translator<I, O> newInstance(
            Class<I> input, Class<O> output, Model model, Map<String, ?> arguments)
            throws TranslateException {
        if (!isSupported(input, output)) {
            String name = result.getSimpleName();
            throw new IllegalArgumentException(
                    String.format(
                            "%s to %s, allowed are String to %s, String[] to %s[] and Input to"
                                    + " Output",
                            input, output, name, name));
        }
        if (!block.isInstance(model.getBlock())) {
            throw new IllegalArgumentException(
                    "a block of " + model.getBlock().getClass() + ", allowed is " + block);
        }
        try {
            TextTask<R> task = newTask(model, block.cast(model.getBlock()), arguments);
            return (Translator<I, O>) translator(task, input);
        } catch (IOException e) {
            throw new TranslateException(e.getMessage(), e);
        }
    }

    private Translator<?, ?> translator(TextTask<R> task, Class<?> input) {
        if (input == String.class) {
            return new TextTranslator<String, R, R>(task, List::of, results -> results.get(0));
        }
        if (input == String[].class) {
            return new TextTranslator<String[], R, Object>(task, List::of, this::toArray);
        }
        return new ServedTextTranslator<>(task);
    }

    private Object toArray(List<R> results) {
        Object array = Array.newInstance(result, results.size());
        for (int i = 0; i < results.size(); i++) {
            Array.set(array, i, results.get(i));
        }
        return array;
    }
}
