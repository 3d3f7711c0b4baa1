package org.djlflash.examples.bench;

import org.djlflash.torch.Tensor;

/**
 * What attention reads, tensors of shape (B, heads, tokens, H) with any strides; owned.
 *
 * @param query the queries
 * @param key the keys, of as many heads as the queries or a divisor
 * @param value the values
 */
record Operands(Tensor query, Tensor key, Tensor value) implements AutoCloseable {

    @Override
    public void close() {
        query.close();
        key.close();
        value.close();
    }
}
