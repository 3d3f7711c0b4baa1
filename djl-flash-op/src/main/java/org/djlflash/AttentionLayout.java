package org.djlflash;

/** The order of dimensions of queries, keys, values and output: batch, heads, tokens, head size. */
public enum AttentionLayout {
    /** (B, N, T, H): heads before tokens. */
    BNTH,
    /** (B, T, N, H): tokens before heads, as a projection reshaped to heads comes. */
    BTNH
}
