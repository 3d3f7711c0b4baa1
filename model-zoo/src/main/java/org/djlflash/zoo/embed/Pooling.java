package org.djlflash.zoo.embed;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.types.DataType;
import java.util.Arrays;
import java.util.Locale;

/** How the hidden states of a text become one vector. */
public enum Pooling {
    /** The mean of all tokens, special ones included. */
    MEAN,
    /** The first token. */
    CLS,
    /** The first token, through the model's pooler: a linear layer and tanh. */
    POOLER;

    /**
     * Finds a pooling by its name.
     *
     * @param name mean, cls or pooler
     * @return the pooling
     * @throws IllegalArgumentException if there is no such pooling
     */
    public static Pooling of(String name) {
        return Arrays.stream(values())
                .filter(pooling -> pooling.toString().equals(name.toLowerCase(Locale.ROOT)))
                .findFirst()
                .orElseThrow(
                        () ->
                                new IllegalArgumentException(
                                        "pooling is "
                                                + name
                                                + ", allowed are "
                                                + Arrays.toString(values())));
    }

    /**
     * Pools a batch.
     *
     * @param outputs hidden states, shape (B, T, E), and, for {@link #POOLER}, what the pooler made
     *     of them, shape (B, E)
     * @param lengths the number of tokens of each row, from 1 to T; what is behind them must be
     *     finite
     * @return FLOAT32, shape (B, E)
     */
    NDArray apply(NDList outputs, int[] lengths) {
        return switch (this) {
            case MEAN -> mean(toFloat32(outputs.head()), lengths);
            case CLS -> toFloat32(outputs.head().get(":, 0"));
            case POOLER -> toFloat32(outputs.get(1));
        };
    }

    private static NDArray mean(NDArray hidden, int[] lengths) {
        int tokens = Math.toIntExact(hidden.getShape().get(1));
        float[] shares = new float[lengths.length * tokens];
        for (int row = 0; row < lengths.length; row++) {
            int start = row * tokens;
            Arrays.fill(shares, start, start + lengths[row], 1f / lengths[row]);
        }
        return hidden.getManager()
                .create(shares)
                .reshape(lengths.length, 1, tokens)
                .matMul(hidden)
                .squeeze(1);
    }

    private static NDArray toFloat32(NDArray array) {
        return array.toType(DataType.FLOAT32, false);
    }

    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
