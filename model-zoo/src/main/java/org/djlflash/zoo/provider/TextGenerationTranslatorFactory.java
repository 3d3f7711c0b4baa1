package org.djlflash.zoo.provider;

import ai.djl.Model;
import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
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

/**
 * Creates {@link TextGenerationTranslator}s: String in, String out. Safe for use by many threads.
 */
public final class TextGenerationTranslatorFactory implements TranslatorFactory, Serializable {

    private static final long serialVersionUID = 1L;

    @Override
    public Set<Pair<Type, Type>> getSupportedTypes() {
        return Set.of(new Pair<>(String.class, String.class));
    }

    @Override
    @SuppressWarnings("unchecked")
    public <I, O> Translator<I, O> newInstance(
            Class<I> input, Class<O> output, Model model, Map<String, ?> arguments)
            throws TranslateException {
        if (!isSupported(input, output)) {
            throw new IllegalArgumentException(
                    input + " to " + output + ", allowed is String to String");
        }
        try {
            HuggingFaceTokenizer tokenizer = Tokenizers.open(model.getModelPath());
            model.getNDManager().attachInternal(tokenizer.getUid(), tokenizer);
            return (Translator<I, O>) new TextGenerationTranslator(tokenizer);
        } catch (IOException e) {
            throw new TranslateException(e.getMessage(), e);
        }
    }
}
