package org.djlflash.kv;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import org.djlflash.torch.Tensor;

/**
 * The keys, or the values, of a cache: room for the same number of tokens in every row. Knows
 * nothing of how many there are. Not safe for use by many threads at once.
 */
final class CachedRows {

    private final NDManager manager;
    private final int heads;
    private final int capacity;
    private final int headSize;

    /** Shape (B, heads, capacity, H). */
    private final NDArray memory;

    CachedRows(NDManager manager, Shape shape, DataType dataType) {
        this.manager = manager;
        heads = Math.toIntExact(shape.get(1));
        capacity = Math.toIntExact(shape.get(2));
        headSize = Math.toIntExact(shape.get(3));
        memory = manager.zeros(shape, dataType);
    }

    /**
     * Copies the first tokens of each row behind those it holds, all rows at once where they are
     * alike: each copy is a call into PyTorch.
     *
     * @param source shape (B, heads, tokens, H), any strides
     * @param counts how many tokens of each row
     * @param lengths how many tokens each row holds before
     */
    void append(NDArray source, long[] counts, long[] lengths) {
        try (Tensor from = Tensor.lentBy(source);
                Tensor to = Tensor.lentBy(memory)) {
            if (isUniform(counts) && isUniform(lengths)) {
                copy(from, to, 0, counts.length, counts[0], lengths[0]);
                return;
            }
            for (int row = 0; row < counts.length; row++) {
                copy(from, to, row, 1, counts[row], lengths[row]);
            }
        }
    }

    private void copy(Tensor from, Tensor to, int row, int rows, long count, long length) {
        if (count == 0) {
            return;
        }
        long[] sizes = {rows, heads, count, headSize};
        long[] strides = from.strides();
        try (Tensor part = from.view(sizes, strides, row * strides[0]);
                Tensor slot = to.view(sizes, strides(), offset(row, length))) {
            slot.copyFrom(part);
        }
    }

    /** Sets what rows hold from their new lengths on to zero. */
    void clear(long[] newLengths, long[] lengths) {
        try (Tensor tensor = Tensor.lentBy(memory)) {
            for (int row = 0; row < lengths.length; row++) {
                long[] sizes = {1, heads, lengths[row] - newLengths[row], headSize};
                try (Tensor part = tensor.view(sizes, strides(), offset(row, newLengths[row]))) {
                    part.zero();
                }
            }
        }
    }

    /** A view of shape (B, heads, tokens, H) that the caller closes. */
    NDArray first(long tokens) {
        try (Tensor tensor = Tensor.lentBy(memory)) {
            long[] sizes = {memory.getShape().get(0), heads, tokens, headSize};
            return tensor.view(sizes, strides(), 0).toArray(manager);
        }
    }

    private long[] strides() {
        long head = (long) capacity * headSize;
        return new long[] {heads * head, head, headSize, 1};
    }

    private long offset(int row, long token) {
        return ((long) row * heads * capacity + token) * headSize;
    }

    static boolean isUniform(long[] numbers) {
        for (long number : numbers) {
            if (number != numbers[0]) {
                return false;
            }
        }
        return true;
    }
}
