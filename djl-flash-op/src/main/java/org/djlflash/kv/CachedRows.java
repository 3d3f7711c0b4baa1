package org.djlflash.kv;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import java.util.Arrays;
import org.djlflash.torch.Tensor;
import org.djlflash.torch.TorchOps;

/**
 * The keys, or the values, of a cache: room for the same number of tokens in every row. Knows
 * nothing of how many there are. Not safe for use by many threads at once.
 */
final class CachedRows implements CacheMemory {

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

    /** All rows at once where they are alike: each copy is a call into PyTorch. */
    @Override
    public void append(NDArray source, long[] counts, long[] lengths) {
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

    @Override
    public void clear(long[] newLengths, long[] lengths) {
        try (Tensor tensor = Tensor.lentBy(memory)) {
            for (int row = 0; row < lengths.length; row++) {
                long[] sizes = {1, heads, lengths[row] - newLengths[row], headSize};
                try (Tensor part = tensor.view(sizes, strides(), offset(row, newLengths[row]))) {
                    part.zero();
                }
            }
        }
    }

    /**
     * By way of a copy, since rows may change places. What a row holds beyond its length stays
     * zero, and a row that is there no more becomes so.
     */
    @Override
    public void select(int[] rows, long[] lengths) {
        int start = 0;
        while (start < rows.length && rows[start] == start) {
            start++;
        }
        long longest = Arrays.stream(lengths).max().orElse(0);
        if (longest == 0) {
            return;
        }
        if (start < rows.length) {
            move(rows, start, lengths.length, longest);
        }
        if (rows.length < lengths.length) {
            try (Tensor tensor = Tensor.lentBy(memory);
                    Tensor dropped = slot(tensor, rows.length, lengths.length, longest)) {
                dropped.zero();
            }
        }
    }

    private void move(int[] rows, int start, int before, long tokens) {
        try (NDArray present = first(before, tokens);
                NDArray indices = manager.create(Arrays.copyOfRange(rows, start, rows.length));
                NDArray chosen = TorchOps.indexSelect(present, 0, indices, manager);
                Tensor from = Tensor.lentBy(chosen);
                Tensor tensor = Tensor.lentBy(memory);
                Tensor to = slot(tensor, start, rows.length, tokens)) {
            to.copyFrom(from);
        }
    }

    /** A view of the first tokens of rows. */
    private Tensor slot(Tensor tensor, int start, int end, long tokens) {
        long[] sizes = {end - start, heads, tokens, headSize};
        return tensor.view(sizes, strides(), offset(start, 0));
    }

    /** A view. */
    @Override
    public NDArray first(int rows, long tokens) {
        try (Tensor tensor = Tensor.lentBy(memory)) {
            long[] sizes = {rows, heads, tokens, headSize};
            return tensor.view(sizes, strides(), 0).toArray(manager);
        }
    }

    @Override
    public NDArray all() {
        return first(Math.toIntExact(memory.getShape().get(0)), capacity);
    }

    @Override
    public long sizeInBytes() {
        return memory.size() * memory.getDataType().getNumOfBytes();
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
