package org.djlflash;

import ai.djl.ndarray.NDArray;
import java.util.Optional;
import org.djlflash.backend.AttentionBackend;
import org.djlflash.backend.AttentionInputs;
import org.djlflash.backend.BackendSelector;
import org.djlflash.kv.KvCache;
import org.djlflash.torch.GradMode;

/**
 * Attention as an operator on {@code NDArray}s, differentiable through DJL's {@code
 * GradientCollector}, computed by the best backend that fits.
 *
 * <p>Letters as in DJL's transformer blocks: B batch size, N query heads (keys and values may have
 * a divisor of it: grouped or multi-query attention, where query head n uses key head n / (N / key
 * heads)), T queries, F keys, H head size. Arrays may be any strided views; nothing is copied to
 * make them contiguous unless a backend must.
 *
 * <pre>{@code
 * NDArray output =
 *         FlashAttention.attend(
 *                 query, key, value, AttentionOptions.builder().optCausal(true).build());
 * }</pre>
 *
 * <p>Safe for use by many threads; arrays must stay open until the call returns. Outputs belong to
 * the manager of the queries.
 *
 * <p>Common to all calls: {@code IllegalArgumentException} for input that does not fit, {@code
 * IllegalStateException} for closed arrays, {@code UnsupportedOperationException} with every
 * backend's reasons if none fits, {@code EngineException} if native code failed.
 *
 * @see <a href="https://arxiv.org/abs/2205.14135">Dao et al., FlashAttention, section 3</a>
 */
public final class FlashAttention {

    private FlashAttention() {}

    /**
     * Computes plain attention: every query sees every key.
     *
     * @param query shape (B, N, T, H)
     * @param key shape (B, N or a divisor, F, H)
     * @param value shaped as the keys
     * @return shape (B, N, T, H)
     */
    public static NDArray attend(NDArray query, NDArray key, NDArray value) {
        return attend(query, key, value, AttentionOptions.defaults());
    }

    /**
     * Computes attention.
     *
     * @param query shape (B, N, T, H), or (B, T, N, H) if the options say so
     * @param key shape (B, N or a divisor, F, H), or (B, F, N or a divisor, H)
     * @param value shaped as the keys
     * @param options what to compute
     * @return shaped as the queries
     */
    public static NDArray attend(
            NDArray query, NDArray key, NDArray value, AttentionOptions options) {
        AttentionRequest request = RequestCheck.attend(query, key, value, options);
        AttentionBackend backend = BackendSelector.select(request, options.backend());
        return backend.attend(
                new AttentionInputs(
                        request,
                        options.layout(),
                        query,
                        key,
                        value,
                        options.keyLengths(),
                        null,
                        false,
                        options.mask().orElse(null),
                        options.bias().orElse(null)));
    }

    /**
     * Appends the keys and values of new tokens to a cache and attends the queries of these tokens
     * to all that the cache then holds of their row, each token to those up to itself.
     *
     * <p>Nothing is recorded by autograd. If the call fails, the cache is as before.
     *
     * @param query the new tokens' queries, shape (B, N, T, H), or (B, T, N, H) if the options say
     *     so; T is 1 or a few
     * @param key their keys, shape (B, cache heads, T, H), or (B, T, cache heads, H)
     * @param value shaped as the keys
     * @param cache the cache
     * @param options scale, layout, mask or bias (where F is the longest row after appending),
     *     compute type and backend; causal alignment, key lengths and dropout must be left out
     * @return shaped as the queries
     * @throws IllegalStateException if the cache is full or closed
     */
    public static NDArray decode(
            NDArray query, NDArray key, NDArray value, KvCache cache, AttentionOptions options) {
        AttentionRequest request = RequestCheck.decode(query, key, value, cache, options);
        AttentionBackend backend = BackendSelector.select(request, options.backend());
        return GradMode.off(
                () ->
                        inHeadsFirst(
                                query,
                                key,
                                value,
                                options.layout(),
                                (q, k, v) -> {
                                    long[] before = cache.lengths();
                                    cache.append(k, v);
                                    return attendOrTruncate(
                                            backend, request, q, cache, before, options);
                                }));
    }

    private static NDArray attendOrTruncate(
            AttentionBackend backend,
            AttentionRequest request,
            NDArray query,
            KvCache cache,
            long[] before,
            AttentionOptions options) {
        try {
            Optional<NDArray> inPlace =
                    cache.pageSize() == 0
                            ? Optional.empty()
                            : backend.attendPages(request, query, cache);
            return inPlace.orElseGet(() -> attend(backend, request, query, cache, options));
        } catch (RuntimeException | Error e) {
            truncate(cache, before, e);
            throw e;
        }
    }

    private static NDArray attend(
            AttentionBackend backend,
            AttentionRequest request,
            NDArray query,
            KvCache cache,
            AttentionOptions options) {
        try (NDArray keys = cache.keys();
                NDArray values = cache.values();
                NDArray lengths = cache.isUniform() ? null : cache.deviceLengths()) {
            return backend.attend(
                    new AttentionInputs(
                            request,
                            AttentionLayout.BNTH,
                            query,
                            keys,
                            values,
                            cache.lengths(),
                            lengths,
                            true,
                            options.mask().orElse(null),
                            options.bias().orElse(null)));
        }
    }

    /** What failed first counts: where a GPU is gone, truncating fails as well. */
    private static void truncate(KvCache cache, long[] before, Throwable failure) {
        try {
            cache.truncate(before);
        } catch (RuntimeException e) {
            failure.addSuppressed(e);
        }
    }

    /**
     * Says which backend would take a call of {@link #attend}, and why each other one would not.
     *
     * @param query the queries
     * @param key the keys
     * @param value the values
     * @param options what to compute
     * @return what every backend says
     */
    public static AttentionExplanation explain(
            NDArray query, NDArray key, NDArray value, AttentionOptions options) {
        return BackendSelector.explain(
                RequestCheck.attend(query, key, value, options), options.backend());
    }

    /**
     * Says which backend would take a request, and why each other one would not. No array is
     * needed, nor the device that the request names.
     *
     * @param request the request
     * @return what every backend says
     */
    public static AttentionExplanation explain(AttentionRequest request) {
        return BackendSelector.explain(request, Optional.empty());
    }

    /** A computation on arrays of shape (B, heads, tokens, H). */
    private interface HeadsFirst {
        NDArray apply(NDArray query, NDArray key, NDArray value);
    }

    private static NDArray inHeadsFirst(
            NDArray query,
            NDArray key,
            NDArray value,
            AttentionLayout layout,
            HeadsFirst computation) {
        if (layout == AttentionLayout.BNTH) {
            return computation.apply(query, key, value);
        }
        try (NDArray q = query.transpose(0, 2, 1, 3);
                NDArray k = key.transpose(0, 2, 1, 3);
                NDArray v = value.transpose(0, 2, 1, 3);
                NDArray output = computation.apply(q, k, v)) {
            return output.transpose(0, 2, 1, 3);
        }
    }
}
