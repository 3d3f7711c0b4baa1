package org.djlflash.zoo.generate;

/** Turns tokens into text, as {@code HuggingFaceTokenizer::decode} does. Safe for many threads. */
@FunctionalInterface
public interface TokenDecoder {

    /**
     * Decodes tokens.
     *
     * @param ids the tokens' ids
     * @return their text; a character of which bytes are missing becomes U+FFFD
     */
    String decode(long[] ids);
}
