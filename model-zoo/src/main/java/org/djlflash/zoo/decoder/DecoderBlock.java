package org.djlflash.zoo.decoder;

import ai.djl.MalformedModelException;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.ndarray.types.SparseFormat;
import ai.djl.nn.AbstractBlock;
import ai.djl.nn.Parameter;
import ai.djl.nn.core.Embedding;
import ai.djl.nn.core.Linear;
import ai.djl.training.ParameterStore;
import ai.djl.util.PairList;
import ai.djl.util.Progress;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.function.UnaryOperator;
import org.djlflash.nn.Scoped;
import org.djlflash.torch.ScalarType;
import org.djlflash.torch.TorchOps;
import org.djlflash.train.Precision;
import org.djlflash.train.Recomputation;
import org.djlflash.zoo.weights.Checkpoint;
import org.djlflash.zoo.weights.WeightBinding;
import org.djlflash.zoo.weights.WeightLoader;

/**
 * A language model with its head, on the attention operator; trainable as every DJL block.
 *
 * <p>Input: token ids, INT64, shape (B, T), each from 0 and below the vocabulary size (not looked
 * at here: an unknown one fails in the engine), T at most the number of positions. Output: logits
 * of the next token after each, FLOAT32 whatever the type of the weights, shape (B, T, V).
 *
 * <p>Forward passes may run on many threads at once.
 */
public abstract class DecoderBlock extends AbstractBlock {

    private final Parameter tokenEmbedding;

    /** The token embedding, or a matrix of its own. */
    private final Parameter outputEmbedding;

    /**
     * Creates a block with the two embeddings of the tokens, and without weights.
     *
     * @param config its shape
     */
    protected DecoderBlock(DecoderConfig config) {
        tokenEmbedding = embedding("tokenEmbedding", config.vocabularySize(), config);
        outputEmbedding =
                config.tieWordEmbeddings()
                        ? tokenEmbedding
                        : embedding("outputEmbedding", config.vocabularySize(), config);
    }

    /**
     * Adds a table of vectors.
     *
     * @param name the parameter's name
     * @param rows the number of vectors
     * @param config the shape of the block
     * @return the parameter, shape (rows, E)
     */
    protected final Parameter embedding(String name, int rows, DecoderConfig config) {
        return addParameter(
                Parameter.builder()
                        .setName(name)
                        .setType(Parameter.Type.WEIGHT)
                        .optShape(new Shape(rows, config.embeddingSize()))
                        .build());
    }

    /**
     * Returns the block's shape.
     *
     * @return the configuration
     */
    public abstract DecoderConfig config();

    /**
     * Returns the factor of the attention scores in the first layer.
     *
     * @return the factor
     */
    protected abstract double attentionScale();

    /**
     * Describes what the block computes for one token of every row.
     *
     * @param manager the owner of arrays that are made for it, on the model's device
     * @param capacity the number of positions that are needed
     * @return the description, of the weights themselves
     */
    protected abstract StepModel stepModel(NDManager manager, int capacity);

    /**
     * Lists the weights of the block as Hugging Face names them.
     *
     * @param names the names in a checkpoint, in which models of one kind may differ
     * @return the weights
     */
    public abstract List<WeightBinding> bindings(Set<String> names);

    /**
     * Tells whether a tensor may be in a checkpoint without being a parameter of ours.
     *
     * @param tensorName the name of the tensor
     * @return true if what it holds follows from the configuration or from other tensors
     */
    protected abstract boolean isDerived(String tensorName);

    /**
     * Runs everything before the head.
     *
     * @param ps the parameter store
     * @param ids the tokens, INT64, shape (B, T)
     * @param step where they stand, and the caches
     * @param training whether the pass is for training
     * @return the normalised output of the last layer, shape (B, T, E)
     */
    protected abstract NDArray hidden(
            ParameterStore ps, NDArray ids, ReadStep step, boolean training);

    /**
     * Fills the block with the weights of a Hugging Face folder, and initialises it.
     *
     * @param folder the folder
     * @param manager the manager of the weights; its device is theirs
     * @param dataType the type of the weights, FLOAT32 or FLOAT16, whatever that of the file
     * @param progress what is told of the progress, or null
     * @throws IllegalArgumentException if the type is another one
     * @throws MalformedModelException if the weights are not those of this block
     * @throws IOException if a file cannot be read
     */
    public final void loadWeights(
            Path folder, NDManager manager, DataType dataType, Progress progress)
            throws IOException, MalformedModelException {
        try (Checkpoint checkpoint = Checkpoint.open(folder)) {
            WeightLoader.builder()
                    .optDataType(dataType)
                    .optIgnored(this::isDerived)
                    .optProgress(progress)
                    .build()
                    .load(checkpoint, bindings(checkpoint.tensors().keySet()), manager);
            // Only now: what is allocated is what the checkpoint holds, whatever the configuration.
            initialize(manager, dataType, new Shape(1, 1));
        }
    }

    /**
     * Returns the type that the block computes in, but for normalisations, the softmax and sums.
     *
     * @return the type of its weights
     */
    public final DataType dataType() {
        return tokenEmbedding.getArray().getDataType();
    }

    /**
     * Returns the vectors of the tokens read.
     *
     * @return the parameter, shape (V, E)
     */
    public final Parameter tokenEmbedding() {
        return tokenEmbedding;
    }

    /**
     * Returns the weight of the output layer.
     *
     * @return the parameter, shape (V, E), perhaps that of the tokens read
     */
    public final Parameter outputEmbedding() {
        return outputEmbedding;
    }

    @Override
    protected final NDList forwardInternal(
            ParameterStore ps, NDList inputs, boolean training, PairList<String, Object> params) {
        NDArray ids = inputs.singletonOrThrow();
        ReadStep step = ReadStep.whole(ids);
        checkPositions(step);
        return Scoped.compute(
                ids.getManager(),
                inputs,
                scoped -> {
                    NDArray hidden = hidden(ps, scoped.head(), step, training);
                    return new NDList(logits(ps, hidden, training));
                });
    }

    /**
     * Computes the logits after the last token of each row, keeping keys and values.
     *
     * @param ps the parameter store
     * @param ids the tokens that follow those in the caches, INT64, shape (B, T)
     * @param step where they stand, and the caches
     * @return FLOAT32, shape (B, V), on the manager of the ids
     * @throws IllegalArgumentException if the tokens go beyond the last position
     */
    final NDArray lastLogits(ParameterStore ps, NDArray ids, ReadStep step) {
        checkPositions(step);
        return Scoped.compute(
                        ids.getManager(),
                        new NDList(ids),
                        scoped -> {
                            NDArray last = step.last(hidden(ps, scoped.head(), step, false));
                            return new NDList(logits(ps, last, false).squeeze(1));
                        })
                .head();
    }

    /**
     * Runs a layer whose intermediate arrays end with it, and its input too: what autograd needs of
     * them, it keeps, and a long text would else hold those of all layers at once.
     *
     * @param input what the layer before gave, closed afterwards
     * @param layer the layer
     * @return what the layer gives, on the manager of its input
     */
    protected static NDArray runLayer(NDArray input, UnaryOperator<NDArray> layer) {
        try (input) {
            return Scoped.compute(
                            input.getManager(),
                            new NDList(input),
                            scoped -> new NDList(layer.apply(scoped.head())))
                    .head();
        }
    }

    /**
     * Runs a layer as {@link #runLayer(NDArray, UnaryOperator)} does, and so that a trainer may
     * have it computed again in backward.
     *
     * @param ps the parameter store
     * @param input what the layer before gave, closed afterwards
     * @param layer the layer, which uses no other arrays than its input and parameters
     * @return what the layer gives, on the manager of its input
     */
    protected static NDArray runLayer(
            ParameterStore ps, NDArray input, UnaryOperator<NDArray> layer) {
        return runLayer(
                input,
                in -> Recomputation.run(ps, new NDList(in), again -> layer.apply(again.head())));
    }

    private void checkPositions(ReadStep step) {
        if (step.end() > config().maxPositions()) {
            throw new IllegalArgumentException(
                    step.end()
                            + " tokens, the model has "
                            + config().maxPositions()
                            + " positions");
        }
    }

    /**
     * Looks vectors up.
     *
     * @param ps the parameter store
     * @param ids the rows, INT64, any shape
     * @param table the vectors, shape (rows, E)
     * @param training whether the pass is for training
     * @return the vectors, the shape of the ids with E at its end
     */
    protected static NDArray lookUp(
            ParameterStore ps, NDArray ids, Parameter table, boolean training) {
        NDArray vectors = Precision.value(ps, table, ids.getDevice(), training);
        NDArray found = Embedding.embedding(ids, vectors, SparseFormat.DENSE).singletonOrThrow();
        return Precision.raise(ps, found);
    }

    private NDArray logits(ParameterStore ps, NDArray hidden, boolean training) {
        NDArray weight = Precision.value(ps, outputEmbedding, hidden.getDevice(), training);
        NDArray logits = Linear.linear(Precision.lower(ps, hidden), weight).singletonOrThrow();
        return logits.getDataType() == DataType.FLOAT32
                ? logits
                : TorchOps.cast(logits, ScalarType.FLOAT32, logits.getManager());
    }

    @Override
    public final Shape[] getOutputShapes(Shape[] inputShapes) {
        return new Shape[] {inputShapes[0].add(config().vocabularySize())};
    }
}
