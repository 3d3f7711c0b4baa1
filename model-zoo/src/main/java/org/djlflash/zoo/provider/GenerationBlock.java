package org.djlflash.zoo.provider;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.AbstractBlock;
import ai.djl.training.ParameterStore;
import ai.djl.util.PairList;
import java.util.Arrays;
import org.djlflash.zoo.decoder.DecoderModel;
import org.djlflash.zoo.generate.GenerationOptions;
import org.djlflash.zoo.generate.TextGenerator;

/**
 * A block whose forward pass generates: the ids of a prompt go in, those of the new tokens come
 * out.
 *
 * <p>Input: INT64, shape (1, T). Output: INT64, shape (new tokens). For inference, on many threads
 * if wanted.
 */
public final class GenerationBlock extends AbstractBlock {

    private final DecoderModel<?> model;
    private final GenerationOptions options;

    /**
     * Creates a block.
     *
     * @param model the model, with its weights
     * @param options how much is generated, and how
     */
    public GenerationBlock(DecoderModel<?> model, GenerationOptions options) {
        this.model = model;
        this.options = options;
        addChildBlock("model", model.block());
    }

    @Override
    protected NDList forwardInternal(
            ParameterStore ps, NDList inputs, boolean training, PairList<String, Object> params) {
        NDArray ids = inputs.singletonOrThrow();
        Shape shape = ids.getShape();
        if (shape.dimension() != 2 || shape.get(0) != 1) {
            throw new IllegalArgumentException(
                    "token ids of shape " + shape + ", allowed is (1, T)");
        }
        int[] prompt = Arrays.stream(ids.toLongArray()).mapToInt(Math::toIntExact).toArray();
        int[] next =
                new TextGenerator(model)
                        .generate(
                                prompt,
                                options.maxNewTokens(),
                                options.sampling(),
                                (id, count) -> true)
                        .ids();
        return new NDList(
                ids.getManager()
                        .create(
                                Arrays.stream(next).asLongStream().toArray(),
                                new Shape(next.length)));
    }

    @Override
    public Shape[] getOutputShapes(Shape[] inputShapes) {
        return new Shape[] {new Shape(-1)};
    }

    @Override
    protected void initializeChildBlocks(
            NDManager manager, DataType dataType, Shape... inputShapes) {
        model.block().initialize(manager, dataType, inputShapes);
    }
}
