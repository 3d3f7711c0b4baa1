package org.djlflash.zoo.provider;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.translate.NoBatchifyTranslator;
import ai.djl.translate.TranslatorContext;
import java.util.List;
import java.util.function.Function;
import org.djlflash.zoo.embed.TokenIds;

/**
 * Turns texts into token ids and hands on their vectors.
 *
 * <p>For an {@link EmbeddingBlock}. Safe for use by many threads: DJL gives one translator to all
 * predictors of a model.
 *
 * @param <I> one text, or several
 * @param <O> its vector, or theirs
 */
public final class TextEmbeddingTranslator<I, O> implements NoBatchifyTranslator<I, O> {

    private final HuggingFaceTokenizer tokenizer;
    private final Function<I, List<String>> texts;
    private final Function<float[][], O> result;

    private TextEmbeddingTranslator(
            HuggingFaceTokenizer tokenizer,
            Function<I, List<String>> texts,
            Function<float[][], O> result) {
        this.tokenizer = tokenizer;
        this.texts = texts;
        this.result = result;
    }

    /**
     * Creates a translator of one text at a time.
     *
     * @param tokenizer the tokenizer, which stays the caller's
     * @return the translator
     */
    public static TextEmbeddingTranslator<String, float[]> ofOne(HuggingFaceTokenizer tokenizer) {
        return new TextEmbeddingTranslator<>(tokenizer, List::of, vectors -> vectors[0]);
    }

    /**
     * Creates a translator of any number of texts at a time.
     *
     * @param tokenizer the tokenizer, which stays the caller's
     * @return the translator
     */
    public static TextEmbeddingTranslator<String[], float[][]> ofMany(
            HuggingFaceTokenizer tokenizer) {
        return new TextEmbeddingTranslator<>(tokenizer, List::of, Function.identity());
    }

    @Override
    public NDList processInput(TranslatorContext ctx, I input) {
        List<TokenIds> encoded = TokenIds.encode(tokenizer, texts.apply(input));
        return EmbeddingBlock.pack(ctx.getNDManager(), encoded);
    }

    @Override
    public O processOutput(TranslatorContext ctx, NDList list) {
        NDArray vectors = list.singletonOrThrow();
        int dimension = Math.toIntExact(vectors.getShape().get(1));
        float[] values = vectors.toFloatArray();
        float[][] rows = new float[values.length / dimension][dimension];
        for (int row = 0; row < rows.length; row++) {
            System.arraycopy(values, row * dimension, rows[row], 0, dimension);
        }
        return result.apply(rows);
    }
}
