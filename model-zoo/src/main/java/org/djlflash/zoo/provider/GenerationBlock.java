package org.djlflash.zoo.provider;

import ai.djl.inference.streaming.StreamingBlock;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.AbstractBlock;
import ai.djl.training.ParameterStore;
import ai.djl.util.PairList;
import java.util.Iterator;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.UUID;
import org.djlflash.zoo.decoder.DecoderModel;
import org.djlflash.zoo.generate.GenerationOptions;
import org.djlflash.zoo.generate.GenerationResult;
import org.djlflash.zoo.generate.TextGenerator;
import org.djlflash.zoo.generate.TextParts;

/**
 * A block whose forward pass generates: the ids of prompts go in, those of the new tokens come out.
 *
 * <p>Input: INT64, shape (B, T), and, if prompts are padded on any side, a mask of that shape, 1
 * where a token counts and 0 elsewhere. Output: B arrays, INT64, shape (new tokens). For inference,
 * on many threads if wanted.
 */
public final class GenerationBlock extends AbstractBlock implements StreamingBlock {

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
        List<GenerationResult> results =
                generator(inputs)
                        .generate(
                                PaddedIds.prompts(inputs),
                                options(inputs),
                                i -> (id, count) -> true);
        return new GenerationOutcome(inputs.get(0).getManager(), results);
    }

    /**
     * {@inheritDoc}
     *
     * <p>For a single prompt that comes from one of our translators: gives a {@link TextPart} for
     * each further text, and the {@link GenerationOutcome} at last.
     */
    @Override
    public Iterator<NDList> forwardStreamIter(
            ParameterStore ps, NDList inputs, boolean training, PairList<String, Object> params) {
        List<int[]> prompts = PaddedIds.prompts(inputs);
        if (prompts.size() != 1) {
            throw new IllegalArgumentException(
                    "a stream of " + prompts.size() + " prompts, allowed is 1");
        }
        NDManager owner = inputs.get(0).getManager();
        TextParts parts = generator(inputs).stream(prompts.get(0), options(inputs));
        // Whoever leaves a stream early closes this manager, sooner or later.
        owner.attachInternal(UUID.randomUUID().toString(), parts);
        return new OutcomeAfterParts(owner, parts);
    }

    private TextGenerator generator(NDList inputs) {
        return new TextGenerator(
                model, inputs instanceof GenerationRequest request ? request.decoder() : null);
    }

    private GenerationOptions options(NDList inputs) {
        return inputs instanceof GenerationRequest request ? request.options() : options;
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

    private static final class OutcomeAfterParts implements Iterator<NDList> {

        private final NDManager owner;
        private final TextParts parts;
        private boolean ended;

        OutcomeAfterParts(NDManager owner, TextParts parts) {
            this.owner = owner;
            this.parts = parts;
        }

        @Override
        public boolean hasNext() {
            return !ended;
        }

        @Override
        public NDList next() {
            if (ended) {
                throw new NoSuchElementException("the text has ended");
            }
            if (parts.hasNext()) {
                return new TextPart(parts.next());
            }
            ended = true;
            return new GenerationOutcome(owner, List.of(parts.result()));
        }
    }
}
