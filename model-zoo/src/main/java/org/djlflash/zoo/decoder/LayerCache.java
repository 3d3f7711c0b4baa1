package org.djlflash.zoo.decoder;

import ai.djl.ndarray.NDArray;
import java.util.Arrays;
import java.util.stream.IntStream;
import org.djlflash.AttentionOptions;
import org.djlflash.FlashAttention;
import org.djlflash.kv.KvCache;

/** The cache of a layer in one {@link ReadStep}. For one thread. */
public final class LayerCache {

    private final KvCache cache;
    private final long[] counts;

    LayerCache(KvCache cache, long[] counts) {
        this.cache = cache;
        this.counts = counts;
    }

    /**
     * Attends the step's tokens to those before them and to themselves, keeping keys and values.
     *
     * @param query the queries, shape (B, T, N, H)
     * @param key the keys, shape (B, T, cache heads, H)
     * @param value shaped as the keys
     * @param options layout BTNH and scale
     * @return shaped as the queries; what padding attends has no meaning
     */
    NDArray attend(NDArray query, NDArray key, NDArray value, AttentionOptions.Builder options) {
        if (cache.isEmpty()) {
            // Padding comes after all that counts: causality hides it.
            NDArray attended =
                    FlashAttention.attend(query, key, value, options.optCausal(true).build());
            cache.append(key.transpose(0, 2, 1, 3), value.transpose(0, 2, 1, 3), counts);
            return attended;
        }
        long[] before = cache.lengths();
        NDArray attended = FlashAttention.decode(query, key, value, cache, options.build());
        long tokens = key.getShape().get(1);
        if (Arrays.stream(counts).anyMatch(count -> count < tokens)) {
            cache.truncate(
                    IntStream.range(0, before.length)
                            .mapToLong(row -> before[row] + counts[row])
                            .toArray());
        }
        return attended;
    }
}
