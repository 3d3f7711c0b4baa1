package org.djlflash.zoo.decoder;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.djlflash.kv.KvCache;
import org.djlflash.torch.TorchOps;

/**
 * One reading of tokens: where they stand, which of them is a row's last, and the caches that hold
 * those before, if there are any. Rows are padded on the right to the longest.
 *
 * <p>For one thread.
 */
public final class ReadStep {

    private final List<KvCache> caches;
    private final long[] past;
    private final long[] counts;
    private final long tokens;

    private ReadStep(List<KvCache> caches, long[] past, long[] counts, long tokens) {
        this.caches = caches;
        this.past = past;
        this.counts = counts;
        this.tokens = tokens;
    }

    /**
     * Begins to read texts as a whole, keeping nothing.
     *
     * @param ids the tokens' ids, shape (B, T)
     * @return the step
     */
    static ReadStep whole(NDArray ids) {
        long tokens = ids.getShape().get(1);
        return new ReadStep(List.of(), new long[1], new long[] {tokens}, tokens);
    }

    /**
     * Begins to read what follows the tokens in caches.
     *
     * @param caches one for each layer, all of the same lengths
     * @param ids the tokens' ids, shape (B, T)
     * @param counts how many tokens of each row count, B numbers from 1 to T
     * @return the step
     * @throws IllegalArgumentException if shape or counts do not fit
     */
    static ReadStep next(List<KvCache> caches, NDArray ids, long[] counts) {
        long[] past = caches.get(0).lengths();
        Shape shape = ids.getShape();
        if (shape.dimension() != 2 || shape.get(0) != past.length) {
            throw new IllegalArgumentException(
                    "token ids of shape " + shape + ", allowed is (" + past.length + ", T)");
        }
        long tokens = shape.get(1);
        if (counts.length != past.length
                || Arrays.stream(counts).anyMatch(count -> count < 1 || count > tokens)) {
            throw new IllegalArgumentException(
                    "counts "
                            + Arrays.toString(counts)
                            + ", allowed are "
                            + past.length
                            + " numbers from 1 to "
                            + tokens);
        }
        return new ReadStep(caches, past, counts.clone(), tokens);
    }

    /** Returns the position after the last token of the longest row. */
    long end() {
        return IntStream.range(0, past.length)
                .mapToLong(row -> past[row] + counts[row])
                .max()
                .orElse(0);
    }

    /**
     * Returns what a layer keeps.
     *
     * @param index the layer, counted from 0
     * @return its cache, or null if nothing is kept
     */
    public LayerCache cache(int index) {
        return caches.isEmpty() ? null : new LayerCache(caches.get(index), counts);
    }

    /**
     * Returns where the tokens stand, counted from 0.
     *
     * @param manager the owner of the result, on the model's device
     * @return INT64, shape (B, T), or (1, T) if all rows are alike; padding has the position of the
     *     row's last token
     */
    public NDArray positions(NDManager manager) {
        if (isUniform(past) && isUniform(counts) && counts[0] == tokens) {
            return manager.arange((int) past[0], (int) (past[0] + tokens), 1, DataType.INT64)
                    .reshape(1, tokens);
        }
        long[] positions = new long[Math.toIntExact(past.length * tokens)];
        for (int row = 0; row < past.length; row++) {
            for (int i = 0; i < tokens; i++) {
                positions[Math.toIntExact(row * tokens + i)] =
                        past[row] + Math.min(i, counts[row] - 1);
            }
        }
        return manager.create(positions, new Shape(past.length, tokens));
    }

    /**
     * Takes what belongs to the last token of each row.
     *
     * @param hidden shape (B, T, E)
     * @return shape (B, 1, E)
     */
    NDArray last(NDArray hidden) {
        if (tokens == 1) {
            return hidden;
        }
        if (isUniform(counts) && counts[0] == tokens) {
            return hidden.get(":, -1:, :");
        }
        long[] places =
                LongStream.range(0, counts.length)
                        .map(row -> row * tokens + counts[(int) row] - 1)
                        .toArray();
        long width = hidden.getShape().get(2);
        NDManager manager = hidden.getManager();
        return TorchOps.indexSelect(hidden.reshape(-1, width), 0, manager.create(places), manager)
                .reshape(counts.length, 1, width);
    }

    private static boolean isUniform(long[] numbers) {
        return Arrays.stream(numbers).allMatch(number -> number == numbers[0]);
    }
}
