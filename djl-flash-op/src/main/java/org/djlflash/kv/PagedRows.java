package org.djlflash.kv;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import org.djlflash.torch.Tensor;
import org.djlflash.torch.TorchOps;

/**
 * Keys or values in pages of a pool. The table says which page is whose: whoever owns both keeps
 * it, once for keys and values. For one thread.
 */
final class PagedRows implements CacheMemory {

    private final NDManager manager;
    private final PageTable table;

    /** Shape (pages, heads, tokens of a page, H). */
    private final NDArray memory;

    PagedRows(NDManager manager, PageTable table, int heads, int headSize, DataType dataType) {
        this.manager = manager;
        this.table = table;
        memory =
                manager.zeros(
                        new Shape(table.pages(), heads, table.pageSize(), headSize), dataType);
    }

    /** Page by page; the rows have their pages already. */
    @Override
    public void append(NDArray source, long[] counts, long[] lengths) {
        try (Tensor from = Tensor.lentBy(source);
                Tensor to = Tensor.lentBy(memory)) {
            for (int row = 0; row < counts.length; row++) {
                long end = lengths[row] + counts[row];
                for (long token = lengths[row]; token < end; ) {
                    long start = token % table.pageSize();
                    long count = Math.min(table.pageSize() - start, end - token);
                    copy(from, row, token - lengths[row], to, table.page(row, token), start, count);
                    token += count;
                }
            }
        }
    }

    private void copy(
            Tensor from, int row, long token, Tensor to, int page, long start, long count) {
        long[] strides = from.strides();
        long[] sizes = {heads(), count, headSize()};
        try (Tensor part =
                        from.view(
                                sizes,
                                new long[] {strides[1], strides[2], strides[3]},
                                row * strides[0] + token * strides[2]);
                Tensor slot = part(to, page, start, count)) {
            slot.copyFrom(part);
        }
    }

    /** A view of tokens of a page, shape (heads, tokens, H). */
    private Tensor part(Tensor tensor, int page, long start, long count) {
        long head = (long) table.pageSize() * headSize();
        return tensor.view(
                new long[] {heads(), count, headSize()},
                new long[] {head, headSize(), 1},
                (page * heads() * table.pageSize() + start) * headSize());
    }

    private long heads() {
        return memory.getShape().get(1);
    }

    private long headSize() {
        return memory.getShape().get(3);
    }

    /** Fills a page with what another holds; what is not to be seen may not be NaN either. */
    void fill(int from, int to) {
        if (from == PageTable.NONE) {
            clearPage(to);
            return;
        }
        try (Tensor tensor = Tensor.lentBy(memory);
                Tensor source = part(tensor, from, 0, table.pageSize());
                Tensor target = part(tensor, to, 0, table.pageSize())) {
            target.copyFrom(source);
        }
    }

    private void clearPage(int page) {
        try (Tensor tensor = Tensor.lentBy(memory);
                Tensor target = part(tensor, page, 0, table.pageSize())) {
            target.zero();
        }
    }

    /** What follows in a page that others have is theirs. */
    @Override
    public void clear(long[] newLengths, long[] lengths) {
        try (Tensor tensor = Tensor.lentBy(memory)) {
            for (int row = 0; row < lengths.length; row++) {
                long start = newLengths[row] % table.pageSize();
                if (start == 0 || newLengths[row] == lengths[row]) {
                    continue;
                }
                int page = table.page(row, newLengths[row]);
                if (table.isOwn(page)) {
                    try (Tensor rest = part(tensor, page, start, table.pageSize() - start)) {
                        rest.zero();
                    }
                }
            }
        }
    }

    /** Nothing moves: it is the table that changes. */
    @Override
    public void select(int[] rows, long[] lengths) {}

    /** A copy, in the order of the tokens. */
    @Override
    public NDArray first(int rows, long tokens) {
        int pages = Math.toIntExact((tokens + table.pageSize() - 1) / table.pageSize());
        if (pages == 0) {
            return manager.create(new Shape(rows, heads(), 0, headSize()), memory.getDataType());
        }
        int[] wanted = new int[rows * pages];
        for (int row = 0; row < rows; row++) {
            int[] own = table.row(row);
            for (int i = 0; i < pages; i++) {
                // A shorter row repeats its last page: beyond its length nothing has a meaning.
                int before = i == 0 ? 0 : wanted[row * pages + i - 1];
                wanted[row * pages + i] = own[i] == PageTable.NONE ? before : own[i];
            }
        }
        try (NDManager scope = manager.newSubManager()) {
            NDArray chosen =
                    TorchOps.indexSelect(memory, 0, scope.create(wanted), scope)
                            .reshape(rows, pages, heads(), table.pageSize(), headSize())
                            .transpose(0, 2, 1, 3, 4)
                            .reshape(rows, heads(), (long) pages * table.pageSize(), headSize())
                            .get(":, :, :" + tokens);
            chosen.attach(manager);
            return chosen;
        }
    }

    @Override
    public NDArray all() {
        try (Tensor tensor = Tensor.lentBy(memory)) {
            return tensor.view(tensor.sizes(), tensor.strides(), 0).toArray(manager);
        }
    }

    @Override
    public long sizeInBytes() {
        return memory.size() * memory.getDataType().getNumOfBytes();
    }
}
