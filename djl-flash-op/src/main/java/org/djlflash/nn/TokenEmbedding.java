package org.djlflash.nn;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.ndarray.types.SparseFormat;
import ai.djl.nn.Parameter;
import ai.djl.nn.core.Embedding;
import ai.djl.nn.core.Linear;
import ai.djl.training.ParameterStore;
import ai.djl.util.PairList;
import java.util.List;
import java.util.Set;
import org.djlflash.train.Precision;

/**
 * A table of vectors, looked up by id: ids of any shape (d<sub>0</sub>, ..., d<sub>n</sub>) give
 * (d<sub>0</sub>, ..., d<sub>n</sub>, E).
 *
 * <p>Reads and writes the parameters of DJL's {@link ai.djl.nn.transformer.IdEmbedding}. Unlike
 * that one, it is safe for inference by many threads.
 */
public final class TokenEmbedding extends Float32Block {

    private static final Set<DataType> INDEX_TYPES = Set.of(DataType.INT32, DataType.INT64);

    private final int dictionarySize;
    private final int embeddingSize;
    private final Parameter embedding;

    TokenEmbedding(int dictionarySize, int embeddingSize) {
        this.dictionarySize = dictionarySize;
        this.embeddingSize = embeddingSize;
        inputNames = List.of("tokenIds");
        embedding =
                addParameter(
                        Parameter.builder()
                                .setName("embedding")
                                .setType(Parameter.Type.WEIGHT)
                                .optShape(new Shape(dictionarySize, embeddingSize))
                                .build());
    }

    @Override
    List<Shape> parameterShapes() {
        return List.of(new Shape(dictionarySize, embeddingSize));
    }

    /** {@inheritDoc} */
    @Override
    public Shape[] getOutputShapes(Shape[] inputShapes) {
        return new Shape[] {inputShapes[0].add(embeddingSize)};
    }

    /** {@inheritDoc} */
    @Override
    protected NDList forwardInternal(
            ParameterStore ps, NDList inputs, boolean training, PairList<String, Object> params) {
        NDArray ids = inputs.singletonOrThrow();
        NDArray table = Precision.value(ps, embedding, ids.getDevice(), training);
        if (INDEX_TYPES.contains(ids.getDataType())) {
            return lookUp(ps, ids, table);
        }
        try (NDArray integers = ids.toType(DataType.INT64, false)) {
            return lookUp(ps, integers, table);
        }
    }

    private static NDList lookUp(ParameterStore ps, NDArray ids, NDArray table) {
        NDArray found = Embedding.embedding(ids, table, SparseFormat.DENSE).singletonOrThrow();
        return new NDList(Precision.raise(ps, found));
    }

    /**
     * Tells how likely each entry of the table is meant by a vector.
     *
     * @param ps the parameter store
     * @param input the vectors, shape (d<sub>0</sub>, ..., d<sub>n</sub>, E)
     * @param training whether this is part of training
     * @return logarithms of probabilities, shape (d<sub>0</sub>, ..., d<sub>n</sub>, dictionary
     *     size)
     */
    public NDArray probabilities(ParameterStore ps, NDArray input, boolean training) {
        NDArray table = Precision.value(ps, embedding, input.getDevice(), training);
        NDArray low = Precision.lower(ps, input);
        try (NDArray logits = Precision.raise(ps, Linear.linear(low, table).singletonOrThrow())) {
            return logits.logSoftmax(-1);
        }
    }

    /**
     * Returns the table, for output layers that share it.
     *
     * @param ps the parameter store, which owns the table
     * @param device the device on which the table is wanted
     * @param training whether this is part of training
     * @return the table, shape (dictionary size, E)
     */
    public NDArray getValue(ParameterStore ps, Device device, boolean training) {
        return ps.getValue(embedding, device, training);
    }
}
