package org.djlflash.zoo.provider;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.AbstractBlock;
import ai.djl.training.ParameterStore;
import ai.djl.util.PairList;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.djlflash.zoo.bert.Bert;
import org.djlflash.zoo.embed.EmbeddingOptions;
import org.djlflash.zoo.embed.TextEmbedder;
import org.djlflash.zoo.embed.TokenIds;

/**
 * A block whose forward pass embeds texts.
 *
 * <p>Inputs, INT64: the token ids of all texts, one text after the other, shape (tokens); their
 * types, shape (tokens); the number of tokens of each text, shape (B). Output: FLOAT32, shape (B,
 * E). For inference, on many threads if wanted.
 */
public final class EmbeddingBlock extends AbstractBlock {

    private final Bert model;
    private final TextEmbedder embedder;

    /**
     * Creates a block.
     *
     * @param model the model, with its weights
     * @param options what becomes of its hidden states
     */
    public EmbeddingBlock(Bert model, EmbeddingOptions options) {
        this.model = model;
        embedder = new TextEmbedder(model, options);
        addChildBlock("model", model.block());
    }

    /**
     * Returns the options.
     *
     * @return the options
     */
    public EmbeddingOptions options() {
        return embedder.options();
    }

    /** Packs texts as the block takes them. */
    static NDList pack(NDManager manager, List<TokenIds> texts) {
        return new NDList(
                manager.create(
                        texts.stream().flatMapToLong(text -> Arrays.stream(text.ids())).toArray()),
                manager.create(
                        texts.stream()
                                .flatMapToLong(text -> Arrays.stream(text.types()))
                                .toArray()),
                manager.create(texts.stream().mapToLong(text -> text.ids().length).toArray()));
    }

    private static List<TokenIds> unpack(NDList inputs) {
        if (inputs.size() != 3) {
            throw new IllegalArgumentException(
                    inputs.size() + " inputs, allowed are token ids, types and lengths");
        }
        long[] ids = inputs.get(0).toLongArray();
        long[] types = inputs.get(1).toLongArray();
        long[] lengths = inputs.get(2).toLongArray();
        long sum = Arrays.stream(lengths).sum();
        if (ids.length != sum
                || types.length != sum
                || Arrays.stream(lengths).anyMatch(n -> n < 1)) {
            throw new IllegalArgumentException(
                    ids.length
                            + " token ids, "
                            + types.length
                            + " types and lengths that add up to "
                            + sum
                            + ", allowed are equal numbers, and lengths of at least 1");
        }
        List<TokenIds> texts = new ArrayList<>(lengths.length);
        int start = 0;
        for (long length : lengths) {
            int end = start + (int) length;
            texts.add(
                    new TokenIds(
                            Arrays.copyOfRange(ids, start, end),
                            Arrays.copyOfRange(types, start, end)));
            start = end;
        }
        return texts;
    }

    @Override
    protected NDList forwardInternal(
            ParameterStore ps, NDList inputs, boolean training, PairList<String, Object> params) {
        float[][] vectors = embedder.embed(unpack(inputs));
        float[] values = new float[vectors.length * embedder.dimension()];
        for (int row = 0; row < vectors.length; row++) {
            System.arraycopy(
                    vectors[row], 0, values, row * embedder.dimension(), embedder.dimension());
        }
        NDArray output =
                inputs.head()
                        .getManager()
                        .create(values, new Shape(vectors.length, embedder.dimension()));
        return new NDList(output);
    }

    @Override
    public Shape[] getOutputShapes(Shape[] inputShapes) {
        return new Shape[] {new Shape(inputShapes[2].get(0), embedder.dimension())};
    }

    @Override
    protected void initializeChildBlocks(
            NDManager manager, DataType dataType, Shape... inputShapes) {
        model.block().initialize(manager, dataType, new Shape(1, 1));
    }
}
