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
 * Creates {@link TextEmbeddingTranslator}s, String to {@code float[]} or {@code String[]} to {@code
 * float[][]}, for models whose block is an {@link EmbeddingBlock}. Safe for use by many threads.
 */
public final class TextEmbeddingTranslatorFactory implements TranslatorFactory, Serializable {

    private static final long serialVersionUID = 1L;

    @Override
    public Set<Pair<Type, Type>> getSupportedTypes() {
        return Set.of(
                new Pair<>(String.class, float[].class),
                new Pair<>(String[].class, float[][].class));
    }

    @Override
    @SuppressWarnings("unchecked")
    public <I, O> Translator<I, O> newInstance(
            Class<I> input, Class<O> output, Model model, Map<String, ?> arguments)
            throws TranslateException {
        if (!isSupported(input, output)) {
            throw new IllegalArgumentException(
                    input
                            + " to "
                            + output
                            + ", allowed are String to float[] and String[] to float[][]");
        }
        if (!(model.getBlock() instanceof EmbeddingBlock)) {
            throw new IllegalArgumentException(
                    "a block of "
                            + model.getBlock().getClass()
                            + ", allowed is an "
                            + EmbeddingBlock.class.getSimpleName());
        }
        EmbeddingBlock block = (EmbeddingBlock) model.getBlock();
        try {
            HuggingFaceTokenizer tokenizer =
                    Tokenizers.openForEncoder(model.getModelPath(), block.options().maxTokens());
            model.getNDManager().attachInternal(tokenizer.getUid(), tokenizer);
            return (Translator<I, O>)
                    (input == String.class
                            ? TextEmbeddingTranslator.ofOne(tokenizer)
                            : TextEmbeddingTranslator.ofMany(tokenizer));
        } catch (IOException e) {
            throw new TranslateException(e.getMessage(), e);
        }
    }
}
