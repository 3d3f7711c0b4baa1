package org.djlflash.zoo.generate;

/** How the tokens after the first are computed. */
public enum DecodeLoop {
    /**
     * Each as one captured CUDA graph that also chooses the token, if model, device and search
     * allow it; else as {@link #HOST}.
     */
    GRAPH,
    /** By the kernels of that graph, launched one by one; else as {@link #HOST}. */
    LAUNCHES,
    /** Operator by operator; logits are copied to the host, which chooses the token. */
    HOST
}
