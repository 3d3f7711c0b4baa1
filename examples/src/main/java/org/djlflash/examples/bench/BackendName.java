package org.djlflash.examples.bench;

import java.util.Locale;
import org.djlflash.torch.ScalarType;

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

    /** Tells whether there are kernels for elements of a type. */
    boolean takes(ScalarType type) {
        return type != ScalarType.FLOAT32 || this != FLASH && this != CUDNN;
    }

    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
