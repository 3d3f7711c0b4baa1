package org.djlflash.cuda.plan;

/**
 * Which keys a query may see beside those inside the key length: query i of T, key j of F. The
 * order is that of {@code Visibility} in the device code.
 */
public enum CausalAlignment {
    /** All of them. */
    NONE,
    /** The last query sees the last key: j &lt;= i + F - T. */
    BOTTOM_RIGHT,
    /** The first query sees the first key: j &lt;= i. */
    TOP_LEFT,
    /** The last query sees the last key within its row's length: j &lt;= i + length - T. */
    ROW_LENGTH
}
