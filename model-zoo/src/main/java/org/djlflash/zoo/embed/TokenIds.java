package org.djlflash.zoo.embed;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import java.util.List;
import java.util.stream.Stream;

/**
 * A text as the model reads it. The arrays are not copied.
 *
 * @param ids the token ids, special tokens included
 * @param types the type of each token
 */
public record TokenIds(long[] ids, long[] types) {

    /**
     * Checks that there are tokens, each with a type.
     *
     * @param ids the token ids
     * @param types the type of each token
     * @throws IllegalArgumentException if there are none, or not as many types
     */
    public TokenIds {
        if (ids.length == 0 || types.length != ids.length) {
            throw new IllegalArgumentException(
                    ids.length
                            + " token ids and "
                            + types.length
                            + " types, allowed are at least one and as many types");
        }
    }

    /**
     * Creates a text of type 0.
     *
     * @param ids the token ids
     * @throws IllegalArgumentException if there are none
     */
    public TokenIds(long... ids) {
        this(ids, new long[ids.length]);
    }

    /**
     * Encodes texts.
     *
     * @param tokenizer a tokenizer that adds special tokens and cuts off what is too long
     * @param texts the texts
     * @return the token ids of each
     */
    public static List<TokenIds> encode(HuggingFaceTokenizer tokenizer, List<String> texts) {
        return Stream.of(tokenizer.batchEncode(texts))
                .map(encoding -> new TokenIds(encoding.getIds(), encoding.getTypeIds()))
                .toList();
    }

    int size() {
        return ids.length;
    }
}
