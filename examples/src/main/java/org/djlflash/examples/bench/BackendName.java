package org.djlflash.examples.bench;

import java.util.Locale;

/** What is measured. */
public enum BackendName {
    /** Our kernels, called on tensors of the element type. */
    OURS,
    /** FlashAttention.attend on arrays: what a program calls. */
    ATTEND,
    /** PyTorch's FlashAttention-2. */
    FLASH,
    /** PyTorch's call of cuDNN. */
    CUDNN,
    /** PyTorch's memory-efficient attention. */
    EFFICIENT,
    /** One PyTorch operator after the other, as DJL's own block does. */
    EAGER;

    /** Tells whether this is PyTorch's rather than ours. */
    boolean isTorch() {
        return this != OURS && this != ATTEND;
    }

    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
