package org.djlflash.backend;

import ai.djl.ndarray.NDArray;
import java.util.List;
import java.util.Optional;
import org.djlflash.AttentionRequest;
import org.djlflash.Backend;
import org.djlflash.kv.KvCache;

/** One implementation of attention. Safe for use by many threads. */
public interface AttentionBackend {

    /**
     * Returns which backend this is.
     *
     * @return the backend
     */
    Backend id();

    /**
     * Says what speaks against taking a request.
     *
     * @param request the request
     * @return every reason, as sentences that say what was found and what is allowed; empty if this
     *     backend can do it
     */
    List<String> unsupportedReasons(AttentionRequest request);

    /**
     * Names the kernels that a request will launch.
     *
     * @param request a request without reasons against it
     * @return one text for each launch, in their order; empty if PyTorch chooses them
     */
    default List<String> kernels(AttentionRequest request) {
        return List.of();
    }

    /**
     * Says why a request is not taken by the fastest kernels there are.
     *
     * @param request a request without reasons against it
     * @return sentences; empty if it is, or if PyTorch chooses the kernels
     */
    default List<String> remarks(AttentionRequest request) {
        return List.of();
    }

    /**
     * Computes attention. The inputs fit: there are no reasons against them.
     *
     * @param inputs the inputs
     * @return the output, shaped as the queries and of their type, on their manager
     */
    NDArray attend(AttentionInputs inputs);

    /**
     * Attends to a cache of pages where they are, if this backend can.
     *
     * @param request the request, without reasons against it
     * @param query the queries, shape (B, N, T, H), whose keys and values the cache holds already
     * @param cache the cache, of pages
     * @return shaped as the queries, on their manager; empty if keys and values must be gathered
     */
    default Optional<NDArray> attendPages(AttentionRequest request, NDArray query, KvCache cache) {
        return Optional.empty();
    }
}
