package org.djlflash.zoo.embed;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import java.util.Arrays;
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

    /**
     * Puts texts into one batch, padded at the end.
     *
     * @param manager the manager of the arrays
     * @param texts the texts, at least 1
     * @return ids and types, INT64, and mask, INT32, each of shape (B, T), as {@link
     *     org.djlflash.zoo.bert.BertBlock} takes them
     */
    public static NDList pad(NDManager manager, List<TokenIds> texts) {
        int tokens = texts.stream().mapToInt(TokenIds::size).max().orElseThrow();
        long[] ids = new long[texts.size() * tokens];
        long[] types = new long[ids.length];
        int[] mask = new int[ids.length];
        int start = 0;
        for (TokenIds text : texts) {
            System.arraycopy(text.ids, 0, ids, start, text.size());
            System.arraycopy(text.types, 0, types, start, text.size());
            Arrays.fill(mask, start, start + text.size(), 1);
            start += tokens;
        }
        Shape shape = new Shape(texts.size(), tokens);
        return new NDList(
                manager.create(ids, shape),
                manager.create(types, shape),
                manager.create(mask, shape));
    }

    /**
     * Checks that a model has all tokens and types.
     *
     * @param vocabulary how many tokens it has
     * @param typeCount how many types it has
     * @throws IllegalArgumentException if it does not have one
     */
    public void requireWithin(int vocabulary, int typeCount) {
        requireWithin("token id", ids, vocabulary);
        requireWithin("token type", types, typeCount);
    }

    private static void requireWithin(String name, long[] values, int count) {
        for (long value : values) {
            if (value < 0 || value >= count) {
                throw new IllegalArgumentException(
                        name + " " + value + ", allowed is 0 to " + (count - 1));
            }
        }
    }

    int size() {
        return ids.length;
    }
}
