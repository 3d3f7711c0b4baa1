package org.djlflash.examples.bench;

import org.djlflash.torch.Tensor;

/** Views of four-dimensional tensors. */
final class Views {

    private Views() {}

    /** Exchanges two dimensions. */
    static Tensor exchanged(Tensor tensor, int first, int second) {
        long[] sizes = tensor.sizes();
        long[] strides = tensor.strides();
        exchange(sizes, first, second);
        exchange(strides, first, second);
        return tensor.view(sizes, strides, 0);
    }

    private static void exchange(long[] values, int first, int second) {
        long value = values[first];
        values[first] = values[second];
        values[second] = value;
    }

    /** The operands as shape (B, tokens, heads, H). */
    static Operands tokensFirst(Operands in) {
        return new Operands(
                exchanged(in.query(), 1, 2),
                exchanged(in.key(), 1, 2),
                exchanged(in.value(), 1, 2));
    }

    /** Takes some heads of one batch row. */
    static Tensor heads(Tensor tensor, long row, long first, long count) {
        long[] sizes = tensor.sizes();
        long[] strides = tensor.strides();
        return tensor.view(
                new long[] {1, count, sizes[2], sizes[3]},
                strides,
                row * strides[0] + first * strides[1]);
    }

    /**
     * Makes the query heads that share a key head queries of that head: with one query a head the
     * attention is the same, and nobody needs to know of groups.
     *
     * @param tensor shape (B, N, 1, H)
     * @param keyHeads a divisor of N
     * @return shape (B, key heads, N / key heads, H)
     */
    static Tensor folded(Tensor tensor, long keyHeads) {
        long[] sizes = tensor.sizes();
        long[] strides = tensor.strides();
        long group = sizes[1] / keyHeads;
        return tensor.view(
                new long[] {sizes[0], keyHeads, group, sizes[3]},
                new long[] {strides[0], group * strides[1], strides[1], strides[3]},
                0);
    }
}
