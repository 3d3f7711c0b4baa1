package org.djlflash.cuda.launch;

/**
 * Where the rows of a cache begin and lie. Immutable.
 *
 * @param firstKeys [B] 32-bit integers: the keys before are hidden; null address without
 * @param pages [B, pages of a row] 32-bit integers, each the number of a page; those behind the
 *     row's last key may be anything; null address without pages
 */
public record CacheRows(DevicePointer firstKeys, DevicePointer pages) {

    /** Rows of one piece, from their first key on. */
    public static final CacheRows NONE = new CacheRows(DevicePointer.NULL, DevicePointer.NULL);
}
