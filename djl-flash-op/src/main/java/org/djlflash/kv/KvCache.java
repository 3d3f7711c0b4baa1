package org.djlflash.kv;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import java.math.BigInteger;
import java.util.Arrays;
import java.util.Collections;
import java.util.EnumSet;
import java.util.Set;
import org.djlflash.torch.GradMode;
import org.djlflash.torch.Tensor;
import org.djlflash.torch.TorchLibrary;

/**
 * The keys and values that one attention layer has seen, in memory that is allocated once: tokens
 * are appended in place, each batch row has a length of its own, known on the host and on the
 * device. Rows can be reordered, dropped and repeated.
 *
 * <p>A cache is closed with the {@code NDManager} it was built on, or earlier by {@link #close()}.
 * It never takes part in autograd. Not safe for use by many threads at once.
 */
public final class KvCache implements AutoCloseable {

    private static final Set<DataType> TYPES =
            Collections.unmodifiableSet(
                    EnumSet.of(DataType.FLOAT16, DataType.FLOAT32, DataType.FLOAT64));

    private final NDManager manager;
    private final CacheShape shape;
    private final CacheMemory keys;
    private final CacheMemory values;

    /** Null if rows are contiguous. */
    private final CachePages pages;

    private final DeviceLengths deviceLengths;

    /** How many tokens each row holds; there may be fewer rows than there is memory for. */
    private long[] lengths;

    private KvCache(Builder builder, NDManager parent) {
        manager = parent.newSubManager();
        shape =
                new CacheShape(
                        builder.batchSize,
                        builder.heads,
                        builder.capacity,
                        builder.headSize,
                        builder.dataType,
                        manager.getDevice());
        lengths = new long[shape.maxRows()];
        boolean done = false;
        try {
            if (builder.pageSize == 0) {
                pages = null;
                keys = new CachedRows(manager, shape.memory(), shape.dataType());
                values = new CachedRows(manager, shape.memory(), shape.dataType());
            } else {
                pages = new CachePages(manager, shape, builder.pageSize, builder.pages());
                keys = pages.keys();
                values = pages.values();
            }
            deviceLengths = new DeviceLengths(manager, shape.maxRows(), shape.capacity());
            done = true;
        } finally {
            if (!done) {
                manager.close();
            }
        }
    }

    /**
     * Returns a new builder.
     *
     * @return the builder
     */
    public static Builder builder() {
        return new Builder();
    }

    /**
     * Appends the same number of tokens to every row.
     *
     * @param key their keys, shape (B, heads, tokens, H), any strides
     * @param value their values, shaped as the keys
     * @throws IllegalArgumentException if shape, type or device do not fit
     * @throws IllegalStateException if a row has not enough room, or the cache is closed
     */
    public void append(NDArray key, NDArray value) {
        checkOpen();
        shape.check("key", key, lengths.length);
        long[] counts = new long[lengths.length];
        Arrays.fill(counts, key.getShape().get(2));
        append(key, value, counts);
    }

    /**
     * Appends to each row its first tokens: prompts of different lengths, padded on the right.
     *
     * @param key their keys, shape (B, heads, tokens, H), any strides
     * @param value their values, shaped as the keys
     * @param counts how many tokens of each row count, B numbers from 0 to tokens
     * @throws IllegalArgumentException if shape, type, device or counts do not fit
     * @throws IllegalStateException if a row has not enough room, or the cache is closed
     */
    public void append(NDArray key, NDArray value, long... counts) {
        checkOpen();
        shape.check("key", key, lengths.length);
        shape.check("value", value, lengths.length);
        if (!key.getShape().equals(value.getShape())) {
            throw new IllegalArgumentException(
                    "value of shape "
                            + value.getShape()
                            + ", allowed is that of key: "
                            + key.getShape());
        }
        shape.checkCounts(counts, key.getShape().get(2), lengths);
        reserve(counts);
        GradMode.off(
                () -> {
                    keys.append(key, counts, lengths);
                    values.append(value, counts, lengths);
                    return null;
                });
        for (int row = 0; row < lengths.length; row++) {
            lengths[row] += counts[row];
        }
    }

    private void reserve(long... counts) {
        if (pages != null) {
            pages.reserve(lengths, counts);
        }
    }

    /**
     * Gives every row the pages for further tokens, which a kernel then appends; a row takes as
     * many as it has room for. Without pages there is nothing to do.
     *
     * @param tokens how many, at least 0
     * @throws IllegalArgumentException if it is less
     * @throws IllegalStateException if there are too few pages, or the cache is closed
     */
    public void reserve(int tokens) {
        checkOpen();
        CacheShape.checkTokens(tokens);
        reserve(
                Arrays.stream(lengths)
                        .map(length -> Math.min(tokens, shape.capacity() - length))
                        .toArray());
    }

    /**
     * Counts tokens that a kernel has appended to every row; a row that is full stays so.
     *
     * @param tokens how many, at least 0
     * @throws IllegalArgumentException if it is less
     * @throws IllegalStateException if the cache is closed
     */
    public void appended(int tokens) {
        checkOpen();
        CacheShape.checkTokens(tokens);
        for (int row = 0; row < lengths.length; row++) {
            lengths[row] = Math.min(lengths[row] + tokens, shape.capacity());
        }
    }

    private void checkOpen() {
        if (!manager.isOpen()) {
            throw new IllegalStateException("the cache is closed");
        }
    }

    /**
     * Shortens rows, for example to take back tokens that were rejected.
     *
     * @param newLengths B numbers, none above the row's length
     * @throws IllegalArgumentException if they are not
     * @throws IllegalStateException if the cache is closed
     */
    public void truncate(long... newLengths) {
        checkOpen();
        CacheShape.checkPerRow("lengths", newLengths, lengths.length);
        for (int row = 0; row < lengths.length; row++) {
            if (newLengths[row] < 0 || newLengths[row] > lengths[row]) {
                throw new IllegalArgumentException(
                        "row "
                                + row
                                + " to length "
                                + newLengths[row]
                                + ", allowed is 0 to "
                                + lengths[row]);
            }
        }
        // What was taken back may be NaN; a longer row would still multiply it, by 0.
        keys.clear(newLengths, lengths);
        values.clear(newLengths, lengths);
        if (pages != null) {
            pages.truncate(newLengths);
        }
        lengths = newLengths.clone();
    }

    /**
     * Makes row i what row {@code rows[i]} was, as beam search needs it: rows may change places, be
     * dropped, or be repeated. What moves is copied on the device.
     *
     * @param rows which rows there are from now on: 1 to {@link #maxBatchSize()} numbers, each from
     *     0 and below {@link #batchSize()}
     * @throws IllegalArgumentException if they are not
     * @throws IllegalStateException if the cache is closed
     */
    public void select(int... rows) {
        checkOpen();
        shape.checkSelection(rows, lengths.length);
        GradMode.off(
                () -> {
                    keys.select(rows, lengths);
                    values.select(rows, lengths);
                    return null;
                });
        if (pages != null) {
            pages.select(rows);
        }
        lengths = Arrays.stream(rows).mapToLong(row -> lengths[row]).toArray();
    }

    /**
     * Returns the keys up to the longest row's length.
     *
     * @return a view of shape (B, heads, longest, H), of a cache of pages a copy, that the caller
     *     closes; what it holds beyond a row's length has no meaning
     * @throws IllegalStateException if the cache is closed
     */
    public NDArray keys() {
        return filled(keys);
    }

    /**
     * Returns the values up to the longest row's length.
     *
     * @return shaped as the keys; what it holds beyond a row's length has no meaning
     * @throws IllegalStateException if the cache is closed
     */
    public NDArray values() {
        return filled(values);
    }

    /**
     * Returns the memory of the keys, where a kernel may append: row b's next token is at its
     * length.
     *
     * @return a view of shape (B or more, heads, capacity, H), or (pages, heads, tokens of a page,
     *     H), that the caller closes
     * @throws IllegalStateException if the cache is closed
     */
    public NDArray keyMemory() {
        checkOpen();
        return keys.all();
    }

    /**
     * Returns the memory of the values.
     *
     * @return a view shaped as that of the keys, which the caller closes
     * @throws IllegalStateException if the cache is closed
     */
    public NDArray valueMemory() {
        checkOpen();
        return values.all();
    }

    /**
     * Returns which pages each row has, where keys and values are: brought up to date by this call.
     *
     * @return INT32, shape (B or more, pages of a row), the same memory at every call, which stays
     *     the cache's; -1 where a row has no page; null if rows are contiguous
     * @throws IllegalStateException if the cache is closed
     */
    public NDArray devicePages() {
        checkOpen();
        return pages == null ? null : pages.onDevice();
    }

    /**
     * Returns the number of tokens of a page.
     *
     * @return the number, 0 if rows are contiguous
     */
    public int pageSize() {
        return pages == null ? 0 : pages.pageSize();
    }

    /**
     * Returns how many pages rows have.
     *
     * @return the number, 0 if rows are contiguous
     */
    public int usedPages() {
        return pages == null ? 0 : pages.used();
    }

    private NDArray filled(CacheMemory rows) {
        checkOpen();
        return rows.first(lengths.length, Arrays.stream(lengths).max().orElse(0));
    }

    /**
     * Returns how many tokens each row holds.
     *
     * @return B numbers
     */
    public long[] lengths() {
        return lengths.clone();
    }

    /**
     * Returns how many tokens each row holds, where keys and values are: brought up to date on
     * PyTorch's current stream by this call, without waiting for the device.
     *
     * @return INT32, shape (B), a view of the same memory at every call that the caller closes and
     *     does not change
     * @throws IllegalStateException if the cache is closed
     */
    public NDArray deviceLengths() {
        checkOpen();
        return deviceLengths.set(lengths);
    }

    /**
     * Tells whether all rows hold equally many tokens.
     *
     * @return true if so
     */
    public boolean isUniform() {
        return CachedRows.isUniform(lengths);
    }

    /**
     * Tells whether no row holds a token.
     *
     * @return true if so
     */
    public boolean isEmpty() {
        return Arrays.stream(lengths).allMatch(length -> length == 0);
    }

    /**
     * Returns the number of key and value heads.
     *
     * @return the number
     */
    public int heads() {
        return shape.heads();
    }

    /**
     * Returns the size of a head.
     *
     * @return the head size H
     */
    public int headSize() {
        return shape.headSize();
    }

    /**
     * Returns the room of a row.
     *
     * @return the number of tokens
     */
    public int capacity() {
        return shape.capacity();
    }

    /**
     * Returns the number of rows.
     *
     * @return the batch size B
     */
    public int batchSize() {
        return lengths.length;
    }

    /**
     * Returns how many rows there is memory for, which is as many as there are at first.
     *
     * @return the greatest batch size
     */
    public int maxBatchSize() {
        return shape.maxRows();
    }

    /**
     * Returns the memory that keys and values take.
     *
     * @return the size in bytes
     */
    public long sizeInBytes() {
        return keys.sizeInBytes() + values.sizeInBytes();
    }

    @Override
    public String toString() {
        return lengths.length
                + " rows of "
                + Arrays.toString(lengths)
                + " tokens, room for "
                + shape.capacity()
                + ", "
                + shape.heads()
                + " heads of "
                + shape.headSize()
                + " in "
                + shape.dataType()
                + ", "
                + sizeInBytes()
                + " bytes"
                + (pages == null ? "" : ", " + pages);
    }

    /** Frees the memory. Closing twice is harmless. */
    @Override
    public void close() {
        manager.close();
    }

    /** The builder of {@link KvCache}. */
    public static final class Builder {

        private int batchSize;
        private int heads;
        private int headSize;
        private int capacity;
        private DataType dataType = DataType.FLOAT32;
        private int pageSize;
        private int pages;

        private Builder() {}

        /**
         * Sets the number of rows B.
         *
         * @param batchSize at least 1
         * @return this builder
         */
        public Builder setBatchSize(int batchSize) {
            this.batchSize = batchSize;
            return this;
        }

        /**
         * Sets the number of key and value heads.
         *
         * @param heads at least 1
         * @return this builder
         */
        public Builder setHeads(int heads) {
            this.heads = heads;
            return this;
        }

        /**
         * Sets the head size H.
         *
         * @param headSize at least 1
         * @return this builder
         */
        public Builder setHeadSize(int headSize) {
            this.headSize = headSize;
            return this;
        }

        /**
         * Sets how many tokens a row can hold.
         *
         * @param capacity at least 1
         * @return this builder
         */
        public Builder setCapacity(int capacity) {
            this.capacity = capacity;
            return this;
        }

        /**
         * Sets the element type (default FLOAT32).
         *
         * @param dataType FLOAT16, FLOAT32 or FLOAT64
         * @return this builder
         */
        public Builder optDataType(DataType dataType) {
            this.dataType = dataType;
            return this;
        }

        /**
         * Keeps tokens in pages, which rows take as they grow, give back and share when they are
         * repeated; by default each row is one piece of memory.
         *
         * @param tokens the tokens of a page, a power of two from 16 to 256
         * @return this builder
         */
        public Builder optPageSize(int tokens) {
            pageSize = tokens;
            return this;
        }

        /**
         * Sets how many pages there are for all rows (default: enough for all to be full).
         *
         * @param pages at least 1
         * @return this builder
         */
        public Builder optPages(int pages) {
            this.pages = pages;
            return this;
        }

        private int pages() {
            long all = (long) batchSize * ((capacity + pageSize - 1) / pageSize);
            return pages == 0 ? Math.toIntExact(all) : pages;
        }

        /**
         * Allocates the cache.
         *
         * @param manager what the cache is closed with; its device holds the cache
         * @return the cache
         * @throws IllegalArgumentException if the manager is null or another engine's
         * @throws IllegalStateException if a size is not set or too large, the type cannot be
         *     cached, or the manager is closed
         * @throws ai.djl.engine.EngineException if there is not enough memory
         */
        public KvCache build(NDManager manager) {
            if (!Tensor.isOwner(manager)) {
                throw new IllegalArgumentException(
                        "manager is "
                                + (manager == null
                                        ? "null"
                                        : "a " + manager.getClass().getSimpleName())
                                + ", allowed are managers of the engine PyTorch");
            }
            if (!manager.isOpen()) {
                throw new IllegalStateException("manager is closed, allowed is an open one");
            }
            requirePositive("batch size", batchSize);
            requirePositive("number of heads", heads);
            requirePositive("head size", headSize);
            requirePositive("capacity", capacity);
            if (!TYPES.contains(dataType)) {
                throw new IllegalStateException("data type " + dataType + ", allowed are " + TYPES);
            }
            requireCountable();
            requirePages();
            TorchLibrary.ensureAvailable();
            return new KvCache(this, manager);
        }

        private void requireCountable() {
            BigInteger bytes = BigInteger.valueOf(2L * dataType.getNumOfBytes());
            for (int size : new int[] {batchSize, heads, capacity, headSize}) {
                bytes = bytes.multiply(BigInteger.valueOf(size));
            }
            if (bytes.bitLength() >= Long.SIZE) {
                throw new IllegalStateException(
                        "a cache of " + bytes + " bytes, allowed are at most " + Long.MAX_VALUE);
            }
        }

        private void requirePages() {
            boolean allowed = Integer.bitCount(pageSize) == 1 && pageSize >= 16 && pageSize <= 256;
            if (pageSize != 0 && !allowed) {
                throw new IllegalStateException(
                        "pages of "
                                + pageSize
                                + " tokens, allowed are powers of two from 16 to 256");
            }
            if (pages < 0 || pages > 0 && pageSize == 0) {
                throw new IllegalStateException(
                        pages
                                + " pages of "
                                + pageSize
                                + " tokens, allowed is 1 or more of a size");
            }
        }

        private static void requirePositive(String name, int number) {
            if (number < 1) {
                throw new IllegalStateException(name + " " + number + ", allowed is 1 or more");
            }
        }
    }
}
