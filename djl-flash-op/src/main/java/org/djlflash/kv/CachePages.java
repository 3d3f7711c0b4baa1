package org.djlflash.kv;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import org.djlflash.torch.GradMode;
import org.djlflash.torch.Tensor;

/** The keys and values of a cache in pages, which share one table. For one thread. */
final class CachePages {

    private final NDManager manager;
    private final PageTable table;
    private final PagedRows keys;
    private final PagedRows values;
    private final int maxRows;

    /** The table for kernels, and which version of it that is. */
    private final NDArray onDevice;

    private long written = -1;

    CachePages(NDManager manager, CacheShape shape, int pageSize, int pages) {
        this.manager = manager;
        maxRows = shape.maxRows();
        int pagesOfARow = (shape.capacity() + pageSize - 1) / pageSize;
        table = new PageTable(maxRows, pageSize, pagesOfARow, pages);
        keys = new PagedRows(manager, table, shape.heads(), shape.headSize(), shape.dataType());
        values = new PagedRows(manager, table, shape.heads(), shape.headSize(), shape.dataType());
        onDevice = manager.create(new int[maxRows * pagesOfARow], new Shape(maxRows, pagesOfARow));
    }

    PagedRows keys() {
        return keys;
    }

    PagedRows values() {
        return values;
    }

    int pageSize() {
        return table.pageSize();
    }

    int used() {
        return table.used();
    }

    /** Gives rows the pages for further tokens: all of them, or none if there are too few. */
    void reserve(long[] lengths, long[] counts) {
        table.check(lengths, counts);
        GradMode.off(
                () -> {
                    for (int row = 0; row < counts.length; row++) {
                        table.reserve(
                                row,
                                lengths[row],
                                counts[row],
                                (from, page) -> {
                                    keys.fill(from, page);
                                    values.fill(from, page);
                                });
                    }
                    return null;
                });
    }

    void truncate(long... lengths) {
        for (int row = 0; row < lengths.length; row++) {
            table.truncate(row, lengths[row]);
        }
    }

    void select(int... rows) {
        table.select(rows);
    }

    NDArray onDevice() {
        if (written != table.version()) {
            int columns = table.pagesOfARow();
            int[] all = new int[maxRows * columns];
            for (int row = 0; row < maxRows; row++) {
                System.arraycopy(table.row(row), 0, all, row * columns, columns);
            }
            try (NDArray fresh = manager.create(all, onDevice.getShape());
                    Tensor from = Tensor.lentBy(fresh);
                    Tensor to = Tensor.lentBy(onDevice)) {
                to.copyFrom(from);
            }
            written = table.version();
        }
        return onDevice;
    }

    @Override
    public String toString() {
        return table.used() + " of " + table.pages() + " pages of " + table.pageSize() + " tokens";
    }
}
