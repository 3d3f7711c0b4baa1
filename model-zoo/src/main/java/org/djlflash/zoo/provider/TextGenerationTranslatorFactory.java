package org.djlflash.zoo.provider;

import ai.djl.Model;
import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import ai.djl.modality.Input;
import ai.djl.modality.Output;
import ai.djl.translate.TranslateException;
import ai.djl.translate.Translator;
import ai.djl.translate.TranslatorFactory;
import ai.djl.util.Pair;
import java.io.IOException;
import java.io.Serializable;
import java.lang.reflect.Type;
import java.util.Map;
import java.util.Set;
import org.djlflash.zoo.Tokenizers;
import org.djlflash.zoo.generate.GenerationArguments;

/**
 * Creates {@link TextGenerationTranslator}s, String in and String out, and {@link
 * ServingTranslator}s, Input in and Output out. What they generate, the arguments say, as {@link
 * GenerationArguments} names them. Safe for use by many threads.
 */
public final class TextGenerationTranslatorFactory implements TranslatorFactory, Serializable {

    private static final long serialVersionUID = 1L;

    @Override
    public Set<Pair<Type, Type>> getSupportedTypes() {
        return Set.of(
                new Pair<>(String.class, String.class), new Pair<>(Input.class, Output.class));
    }

    @Override
    @SuppressWarnings("unchecked")
    public <I, O> Translator<I, O> newInstance(
            Class<I> input, Class<O> output, Model model, Map<String, ?> arguments)
            throws TranslateException {
        if (!isSupported(input, output)) {
            throw new IllegalArgumentException(
                    input + " to " + output + ", allowed is String to String or Input to Output");
        }
        try {
            HuggingFaceTokenizer tokenizer = Tokenizers.open(model.getModelPath());
            model.getNDManager().attachInternal(tokenizer.getUid(), tokenizer);
            GenerationArguments generation = new GenerationArguments(arguments);
            return (Translator<I, O>)
                    (input == Input.class
                            ? new ServingTranslator(tokenizer, generation)
                            : new TextGenerationTranslator(tokenizer, generation.options()));
        } catch (IOException e) {
            throw new TranslateException(e.getMessage(), e);
        }
    }
}
