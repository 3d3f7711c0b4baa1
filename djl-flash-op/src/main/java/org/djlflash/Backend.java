package org.djlflash;

/** The implementations of attention, in the order in which they are tried. */
public enum Backend {
    /** Our own CUDA kernels. */
    CUDA("cuda"),
    /** PyTorch's own scaled dot product attention. */
    TORCH_SDPA("torch-sdpa"),
    /** Plain {@code NDArray} mathematics, which holds all scores in memory: the specification. */
    REFERENCE("reference");

    private final String id;

    Backend(String id) {
        this.id = id;
    }

    /**
     * Returns the name in logs, errors and JSON.
     *
     * @return the name
     */
    public String id() {
        return id;
    }

    @Override
    public String toString() {
        return id;
    }
}
