package org.djlflash.kv;

import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.stream.IntStream;

/**
 * Which pages of a pool each row has, in the order of its tokens. Rows that were forked share
 * pages, which are counted; a shared page is copied before a row writes to it. Knows nothing of
 * memory. For one thread.
 *
 * @see <a href="https://arxiv.org/abs/2309.06180">Kwon et al., Efficient Memory Management for
 *     Large Language Model Serving with PagedAttention, section 4</a>
 */
final class PageTable {

    /** Where a row has no page. */
    static final int NONE = -1;

    /** Fills a page. */
    @FunctionalInterface
    interface Filler {
        void fill(int from, int page);
    }

    private final int pageSize;
    private final int pages;
    private final int[] users;

    /** Which pages were given out before, and may hold anything. */
    private final boolean[] written;

    private final Deque<Integer> free = new ArrayDeque<>();
    private int[][] rows;

    /** Counts the changes, so that a copy elsewhere knows when it is out of date. */
    private long version;

    /**
     * Creates a table of rows without pages.
     *
     * @param rows the number of rows
     * @param pageSize the tokens of a page
     * @param pagesOfARow the most pages of a row
     * @param pages the number of pages for all
     */
    PageTable(int rows, int pageSize, int pagesOfARow, int pages) {
        this.pageSize = pageSize;
        this.pages = pages;
        users = new int[pages];
        written = new boolean[pages];
        IntStream.range(0, pages).forEach(free::add);
        this.rows = new int[rows][pagesOfARow];
        Arrays.stream(this.rows).forEach(row -> Arrays.fill(row, NONE));
    }

    int pageSize() {
        return pageSize;
    }

    int pages() {
        return pages;
    }

    int pagesOfARow() {
        return rows[0].length;
    }

    /** Returns how many pages some row has. */
    int used() {
        return pages - free.size();
    }

    long version() {
        return version;
    }

    /** Returns the page that holds a token of a row. */
    int page(int row, long token) {
        return rows[row][Math.toIntExact(token / pageSize)];
    }

    /** Returns the pages of a row, {@link #NONE} behind the last. */
    int[] row(int row) {
        return rows[row].clone();
    }

    /** Counts as {@link #reserve} takes: of those who share a page, the last one keeps it. */
    private int needed(long[] lengths, long[] counts) {
        int[] sharing = users.clone();
        int needed = 0;
        for (int row = 0; row < lengths.length; row++) {
            long end = lengths[row] + counts[row];
            for (long token = lengths[row]; token < end; token = next(token)) {
                int page = page(row, token);
                if (page == NONE || sharing[page]-- > 1) {
                    needed++;
                }
            }
        }
        return needed;
    }

    private long next(long token) {
        return (token / pageSize + 1) * pageSize;
    }

    /**
     * Checks that there are pages for further tokens.
     *
     * @param lengths how many tokens each row holds
     * @param counts how many more it gets
     * @throws IllegalStateException if there are too few
     */
    void check(long[] lengths, long[] counts) {
        int needed = needed(lengths, counts);
        if (needed > free.size()) {
            throw new IllegalStateException(
                    "cache full: "
                            + needed
                            + " more pages of "
                            + pageSize
                            + " tokens are needed, "
                            + free.size()
                            + " of "
                            + pages
                            + " are free");
        }
    }

    /**
     * Gives a row pages of its own for further tokens.
     *
     * @param row the row
     * @param length how many tokens it holds
     * @param count how many more it gets; there are pages for them
     * @param filler is told of each new page that must be filled: with which other page's tokens,
     *     or {@link #NONE} to be cleared
     */
    void reserve(int row, long length, long count, Filler filler) {
        for (long token = length; token < length + count; token = next(token)) {
            int page = page(row, token);
            if (page != NONE && users[page] == 1) {
                continue;
            }
            int fresh = free.remove();
            users[fresh] = 1;
            if (page != NONE) {
                users[page]--;
            }
            if (page != NONE || written[fresh]) {
                filler.fill(page, fresh);
            }
            written[fresh] = true;
            rows[row][Math.toIntExact(token / pageSize)] = fresh;
            version++;
        }
    }

    /** Takes the pages behind a row's last token away. */
    void truncate(int row, long length) {
        int kept = Math.toIntExact((length + pageSize - 1) / pageSize);
        for (int i = kept; i < rows[row].length && rows[row][i] != NONE; i++) {
            release(rows[row][i]);
            rows[row][i] = NONE;
            version++;
        }
    }

    /** Tells whether no other row has a page. */
    boolean isOwn(int page) {
        return users[page] == 1;
    }

    private void release(int page) {
        users[page]--;
        if (users[page] == 0) {
            free.add(page);
        }
    }

    /** Makes row i what row {@code selected[i]} was; rows behind the last have no pages. */
    void select(int... selected) {
        int[][] next = new int[rows.length][];
        for (int i = 0; i < next.length; i++) {
            next[i] = new int[rows[i].length];
            if (i < selected.length) {
                next[i] = rows[selected[i]].clone();
                Arrays.stream(next[i]).filter(page -> page != NONE).forEach(page -> users[page]++);
            } else {
                Arrays.fill(next[i], NONE);
            }
        }
        for (int[] row : rows) {
            Arrays.stream(row).filter(page -> page != NONE).forEach(this::release);
        }
        rows = next;
        version++;
    }
}
