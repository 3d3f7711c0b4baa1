package org.djlflash.kv;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import java.util.stream.IntStream;
import org.djlflash.torch.Tensor;

/**
 * The lengths of a cache's rows on its device, where kernels read them: changed in place by adding
 * numbers that are there already, so that nothing is copied from the host and nothing waits.
 *
 * <p>Not safe for use by many threads at once.
 */
final class DeviceLengths {

    private final NDManager manager;

    /** INT32, shape (B). */
    private final NDArray lengths;

    /** INT32, shape (capacity): 1, 2, 3 and so on. */
    private final NDArray steps;

    /** What {@link #lengths} holds. */
    private final long[] written;

    DeviceLengths(NDManager manager, int batchSize, int capacity) {
        this.manager = manager;
        lengths = manager.zeros(new Shape(batchSize), DataType.INT32);
        steps = manager.arange(0, capacity, 1, DataType.INT32);
        try (NDArray one = manager.ones(new Shape(1), DataType.INT32)) {
            steps.addi(one);
        }
        written = new long[batchSize];
    }

    /**
     * Brings the lengths up to date: by one addition if all rows grew alike, as they do while
     * decoding.
     *
     * @param wanted the lengths of the first rows, numbers from 0 to the capacity
     * @return INT32, one for each of these rows, the same memory at every call; the caller closes
     *     it
     */
    NDArray set(long[] wanted) {
        long step = wanted[0] - written[0];
        boolean alike =
                IntStream.range(1, wanted.length)
                        .allMatch(row -> wanted[row] - written[row] == step);
        if (alike) {
            move(0, wanted.length, step);
        } else {
            for (int row = 0; row < wanted.length; row++) {
                move(row, 1, wanted[row] - written[row]);
            }
        }
        return view(lengths, 0, wanted.length);
    }

    private void move(int first, int rows, long step) {
        if (step == 0) {
            return;
        }
        try (NDArray part = view(lengths, first, rows);
                NDArray distance = view(steps, Math.abs(step) - 1, 1)) {
            if (step > 0) {
                part.addi(distance);
            } else {
                part.subi(distance);
            }
        }
        for (int row = first; row < first + rows; row++) {
            written[row] += step;
        }
    }

    private NDArray view(NDArray array, long first, long count) {
        try (Tensor tensor = Tensor.lentBy(array)) {
            return tensor.view(new long[] {count}, new long[] {1}, first).toArray(manager);
        }
    }
}
