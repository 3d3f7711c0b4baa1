package org.djlflash.cuda.plan;

/**
 * How the keys and values of a decode step are cached. Immutable.
 *
 * @param firstKeys whether every row has a first key of its own, in device memory: those before it
 *     are hidden, as the padding left of a prompt must be
 * @param pageKeys the keys of a page, a power of two from 16 to 256; 0 if the keys of a row are one
 *     piece of memory
 * @param pages the pages there are for all rows, 0 without pages
 */
public record CacheLayout(boolean firstKeys, int pageKeys, int pages) {

    /** Every row is one piece of memory and begins with its first key. */
    public static final CacheLayout CONTIGUOUS = new CacheLayout(false, 0, 0);

    static final int SMALLEST_PAGE = 16;
    static final int LARGEST_PAGE = 256;

    /**
     * Tells whether keys and values lie in pages: tensors [pages, key heads, keys of a page, head
     * size], of which a table in device memory names those of each row.
     *
     * @return whether they do
     */
    public boolean isPaged() {
        return pageKeys > 0;
    }

    /**
     * Returns the columns of the table of pages.
     *
     * @param keys F, the most keys of a row
     * @return the pages of a row, 0 without pages
     */
    public int pagesPerRow(int keys) {
        return isPaged() ? (keys + pageKeys - 1) / pageKeys : 0;
    }
}
