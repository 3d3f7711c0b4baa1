package org.djlflash.zoo.provider;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.translate.TranslatorContext;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.djlflash.zoo.embed.TokenIds;

/** The vectors of texts, for an {@link EmbeddingBlock}. */
final class TextEmbedding implements TextTask<float[]> {

    private final HuggingFaceTokenizer tokenizer;

    TextEmbedding(HuggingFaceTokenizer tokenizer) {
        this.tokenizer = tokenizer;
    }

    @Override
    public NDList encode(TranslatorContext ctx, List<String> texts) {
        return EmbeddingBlock.pack(ctx.getNDManager(), TokenIds.encode(tokenizer, texts));
    }

    @Override
    public List<float[]> decode(TranslatorContext ctx, NDList outputs) {
        NDArray vectors = outputs.singletonOrThrow();
        int dimension = Math.toIntExact(vectors.getShape().get(1));
        float[] values = vectors.toFloatArray();
        List<float[]> rows = new ArrayList<>();
        for (int start = 0; start < values.length; start += dimension) {
            rows.add(Arrays.copyOfRange(values, start, start + dimension));
        }
        return rows;
    }
}
