package org.djlflash.cuda.launch;

/**
 * The memory of a forward pass or a decode step; the caller keeps it alive until the stream has
 * passed the launch. Immutable.
 *
 * @param query [B, query heads, T, head size]
 * @param key [B, key heads, F, head size], or the pages of a cache: [pages, key heads, keys of a
 *     page, head size]
 * @param value as the key
 * @param output [B, query heads, T, head size], written
 * @param bias [B, query heads, T, F], rows contiguous, other strides 0 to broadcast; {@link
 *     TensorView#NONE} without bias
 * @param logSumExp [B, query heads, T] contiguous floats, written; null address when not wanted
 * @param keyLengths [B] 32-bit integers, each 0 to F; null address without key lengths
 * @param cache where the rows of a decode step begin and lie
 * @param randomness of dropout
 * @param workspace scratch memory of the size that the plan gives
 */
public record ForwardArguments(
        TensorView query,
        TensorView key,
        TensorView value,
        TensorView output,
        TensorView bias,
        DevicePointer logSumExp,
        DevicePointer keyLengths,
        CacheRows cache,
        Randomness randomness,
        DevicePointer workspace) {

    /**
     * Returns a copy with other scratch memory.
     *
     * @param scratch memory of the size that the plan gives
     * @return the copy
     */
    public ForwardArguments withWorkspace(DevicePointer scratch) {
        return new ForwardArguments(
                query, key, value, output, bias, logSumExp, keyLengths, cache, randomness, scratch);
    }
}
