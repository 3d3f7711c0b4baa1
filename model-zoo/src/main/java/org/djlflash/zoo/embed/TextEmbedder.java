package org.djlflash.zoo.embed;

import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;
import org.djlflash.zoo.bert.Bert;
import org.djlflash.zoo.bert.BertConfig;

/**
 * Turns texts into vectors: hidden states of a BERT, pooled, normalised if wanted.
 *
 * <p>Texts of like length are computed together, a few at a time, so that little is spent on
 * padding and memory does not grow with their number. A text's vector does not depend on the others
 * but by rounding. Safe for use by many threads.
 *
 * @see <a href="https://arxiv.org/abs/1908.10084">Reimers and Gurevych, Sentence-BERT, section
 *     3</a>
 */
public final class TextEmbedder {

    /** Enough tokens, padding included, to keep a device busy; BERT-large then takes about 2 GB. */
    private static final int BATCH_TOKENS = 1 << 15;

    /** Keeps zeros from becoming NaN. */
    private static final double SMALLEST_NORM = 1e-12;

    private final Bert model;
    private final EmbeddingOptions options;

    /**
     * Creates an embedder.
     *
     * @param model the model, which stays the caller's
     * @param options what becomes of its hidden states
     * @throws IllegalArgumentException if the model has no pooler and that is to be used, or fewer
     *     positions than tokens are to be read
     */
    public TextEmbedder(Bert model, EmbeddingOptions options) {
        if (options.pooling() == Pooling.POOLER && !model.block().hasPooler()) {
            throw new IllegalArgumentException(
                    "pooling is pooler, allowed are mean and cls: the model has no pooler");
        }
        int positions = model.block().config().maxPositions();
        if (options.maxTokens() > positions) {
            throw new IllegalArgumentException(
                    "maxTokens is " + options.maxTokens() + ", allowed is 1 to " + positions);
        }
        this.model = model;
        this.options = options;
    }

    /**
     * Returns the options.
     *
     * @return the options
     */
    public EmbeddingOptions options() {
        return options;
    }

    /**
     * Returns the size of the vectors, E.
     *
     * @return the size
     */
    public int dimension() {
        return model.block().config().hiddenSize();
    }

    /**
     * Embeds texts.
     *
     * @param texts any number of texts
     * @return a vector of size E for each
     * @throws IllegalArgumentException if a text has more tokens than the options say, or one that
     *     the model does not have
     */
    public float[][] embed(List<TokenIds> texts) {
        texts.forEach(this::check);
        int[] order =
                IntStream.range(0, texts.size())
                        .boxed()
                        .sorted(Comparator.comparingInt(i -> texts.get(i).size()))
                        .mapToInt(Integer::intValue)
                        .toArray();
        float[][] vectors = new float[order.length][];
        int start = 0;
        while (start < order.length) {
            int[] batch = Arrays.copyOfRange(order, start, batchEnd(texts, order, start));
            float[] values = embedBatch(Arrays.stream(batch).mapToObj(texts::get).toList());
            for (int row = 0; row < batch.length; row++) {
                int begin = row * dimension();
                vectors[batch[row]] = Arrays.copyOfRange(values, begin, begin + dimension());
                if (options.normalize()) {
                    normalize(vectors[batch[row]]);
                }
            }
            start += batch.length;
        }
        return vectors;
    }

    /** Takes at least one text; the last one is the longest. */
    private static int batchEnd(List<TokenIds> texts, int[] order, int start) {
        int end = start + 1;
        while (end < order.length
                && (long) (end + 1 - start) * texts.get(order[end]).size() <= BATCH_TOKENS) {
            end++;
        }
        return end;
    }

    private float[] embedBatch(List<TokenIds> texts) {
        int[] lengths = texts.stream().mapToInt(TokenIds::size).toArray();
        try (NDManager scope = model.manager().newSubManager()) {
            NDList outputs = model.encode(TokenIds.pad(scope, texts));
            return options.pooling().apply(outputs, lengths).toFloatArray();
        }
    }

    /**
     * Checks a text without embedding it.
     *
     * @param text the text
     * @throws IllegalArgumentException if it has more tokens than the options say, or one that the
     *     model does not have
     */
    public void check(TokenIds text) {
        if (text.size() > options.maxTokens()) {
            throw new IllegalArgumentException(
                    text.size() + " tokens, allowed are up to " + options.maxTokens());
        }
        BertConfig config = model.block().config();
        text.requireWithin(config.vocabularySize(), config.typeCount());
    }

    private static void normalize(float[] vector) {
        double sum = 0;
        for (float value : vector) {
            sum += (double) value * value;
        }
        double norm = Math.max(Math.sqrt(sum), SMALLEST_NORM);
        for (int i = 0; i < vector.length; i++) {
            vector[i] = (float) (vector[i] / norm);
        }
    }
}
