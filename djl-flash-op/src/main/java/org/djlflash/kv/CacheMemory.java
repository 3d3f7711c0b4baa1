package org.djlflash.kv;

import ai.djl.ndarray.NDArray;

/**
 * The memory of the keys, or of the values, of a cache, which knows nothing of how many tokens
 * there are. What rows hold is named by the lengths that the cache gives. For one thread.
 */
interface CacheMemory {

    /**
     * Copies the first tokens of each row behind those it holds.
     *
     * @param source shape (B, heads, tokens, H), any strides
     * @param counts how many tokens of each row
     * @param lengths how many tokens each row holds before
     */
    void append(NDArray source, long[] counts, long[] lengths);

    /** Sets what rows hold from their new lengths on to zero. */
    void clear(long[] newLengths, long[] lengths);

    /**
     * Makes row i what row {@code rows[i]} was.
     *
     * @param rows the new rows
     * @param lengths how many tokens each row holds before
     */
    void select(int[] rows, long[] lengths);

    /**
     * Returns the first tokens of rows, shape (rows, heads, tokens, H), which the caller closes.
     */
    NDArray first(int rows, long tokens);

    /** Returns all there is as it lies in memory, which the caller closes. */
    NDArray all();

    /** Returns the size in bytes. */
    long sizeInBytes();
}
