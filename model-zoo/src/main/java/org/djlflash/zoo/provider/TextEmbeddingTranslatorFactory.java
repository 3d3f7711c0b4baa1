package org.djlflash.zoo.provider;

import ai.djl.Model;
import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import java.io.IOException;
import java.util.Map;
import org.djlflash.zoo.Tokenizers;

/**
 * Creates translators of texts to vectors, for models whose block is an {@link EmbeddingBlock}:
 * String to {@code float[]}, {@code String[]} to {@code float[][]}, Input to Output. Safe for use
 * by many threads.
 */
public final class TextEmbeddingTranslatorFactory
        extends TextTranslatorFactory<EmbeddingBlock, float[]> {

    private static final long serialVersionUID = 1L;

    /** Creates the factory. */
    public TextEmbeddingTranslatorFactory() {
        super(EmbeddingBlock.class, float[].class);
    }

    @Override
    TextTask<float[]> newTask(Model model, EmbeddingBlock block, Map<String, ?> arguments)
            throws IOException {
        HuggingFaceTokenizer tokenizer =
                Tokenizers.openForEncoder(model.getModelPath(), block.options().maxTokens());
        model.getNDManager().attachInternal(tokenizer.getUid(), tokenizer);
        return new TextEmbedding(tokenizer);
    }
}
