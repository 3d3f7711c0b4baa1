package org.djlflash.zoo.embed;

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

    int size() {
        return ids.length;
    }
}
