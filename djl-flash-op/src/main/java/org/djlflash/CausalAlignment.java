package org.djlflash;

/**
 * Where the diagonal of a causal mask lies when there are T queries and F keys.
 *
 * <p>Query i sees key j if j &le; i + offset:
 *
 * <pre>
 * T = 2, F = 4      BOTTOM_RIGHT      TOP_LEFT
 * query 0             x x x .         x . . .
 * query 1             x x x x         x x . .
 * </pre>
 */
public enum CausalAlignment {
    /** Every query sees every key. */
    NONE,
    /** offset = F - T: the last query sees every key. Right when the keys include a past. */
    BOTTOM_RIGHT,
    /** offset = 0: the first query sees the first key alone. */
    TOP_LEFT,
    /**
     * offset = length - T, where length is the row's own number of keys: the last query sees all
     * keys of its row. Right for a cache whose rows are filled to different lengths; needs key
     * lengths.
     */
    ROW_LENGTH
}
