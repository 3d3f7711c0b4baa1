package org.djlflash.backend;

import ai.djl.ndarray.NDArray;
import java.util.List;
import org.djlflash.AttentionRequest;
import org.djlflash.Backend;

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
}
