package org.djlflash.zoo.provider;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import org.djlflash.zoo.generate.GenerationOptions;
import org.djlflash.zoo.generate.TokenDecoder;

/**
 * What a translator gives to a {@link GenerationBlock}: prompts, and what else it needs of them.
 */
final class GenerationRequest extends NDList {

    private static final long serialVersionUID = 1L;

    private final transient GenerationOptions options;
    private final transient TokenDecoder decoder;

    /**
     * Makes a request.
     *
     * @param ids the tokens' ids, INT64, shape (B, T)
     * @param mask where they count, INT64, shape (B, T)
     */
    GenerationRequest(NDArray ids, NDArray mask, GenerationOptions options, TokenDecoder decoder) {
        super(ids, mask);
        this.options = options;
        this.decoder = decoder;
    }

    GenerationOptions options() {
        return options;
    }

    TokenDecoder decoder() {
        return decoder;
    }

    @Override
    public boolean equals(Object other) {
        return this == other;
    }

    @Override
    public int hashCode() {
        return System.identityHashCode(this);
    }
}
