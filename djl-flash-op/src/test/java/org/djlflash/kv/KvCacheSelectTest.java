package org.djlflash.kv;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.index.NDIndex;
import ai.djl.ndarray.types.Shape;
import org.djlflash.AttentionOptions;
import org.djlflash.Fixtures;
import org.djlflash.FlashAttention;
import org.djlflash.torch.Tensor;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Rows that change places, are dropped, and are repeated. */
class KvCacheSelectTest {

    private static final int N = 2;
    private static final int H = 8;
    private static final long[] LENGTHS = {3, 5, 1, 4};

    private final NDManager manager = Fixtures.manager();
    private final NDArray tokens = Fixtures.gaussian(manager, 1, LENGTHS.length, N, 5, H);
    private final KvCache cache = filled(tokens);

    @AfterEach
    void closeManager() {
        manager.close();
    }

    private KvCache filled(NDArray key) {
        KvCache filled =
                KvCache.builder()
                        .setBatchSize(LENGTHS.length)
                        .setHeads(N)
                        .setHeadSize(H)
                        .setCapacity(12)
                        .build(manager);
        filled.append(key, key.neg(), LENGTHS);
        return filled;
    }

    /** Each row holds what the row it was had, and zeros up to the longest. */
    private void assertRows(int... origins) {
        NDArray keys = cache.keys();
        NDArray values = cache.values();
        assertEquals(origins.length, cache.batchSize());
        for (int row = 0; row < origins.length; row++) {
            long length = LENGTHS[origins[row]];
            assertEquals(length, cache.lengths()[row]);
            NDArray expected = tokens.get("{}, :, :{}", origins[row], length);
            assertEquals(expected, keys.get("{}, :, :{}", row, length));
            assertEquals(expected.neg(), values.get("{}, :, :{}", row, length));
            assertEquals(0f, keys.get("{}, :, {}:", row, length).abs().sum().getFloat());
        }
        try (NDArray lengths = cache.deviceLengths()) {
            assertEquals(new Shape(origins.length), lengths.getShape());
            for (int row = 0; row < origins.length; row++) {
                assertEquals(LENGTHS[origins[row]], lengths.getInt(row));
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"0123", "1032", "3012", "1111", "2013", "02", "3", "120", "00123"})
    void rowsAreWhatTheyWere(String selection) {
        int[] rows = selection.chars().map(digit -> digit - '0').toArray();
        if (rows.length > LENGTHS.length) {
            assertThrows(IllegalArgumentException.class, () -> cache.select(rows));
            assertRows(0, 1, 2, 3);
        } else {
            cache.select(rows);
            assertRows(rows);
        }
    }

    @Test
    void selectionsFollowEachOther() {
        cache.select(1, 3);
        cache.select(1, 0, 1);
        cache.select(2, 2, 1, 0);
        assertRows(3, 3, 1, 3);
    }

    @Test
    void nothingMoves() {
        long address = address();
        int arrays = manager.getManagedArrays().size();
        cache.select(3, 2, 1, 0);
        assertEquals(address, address());
        assertEquals(arrays, manager.getManagedArrays().size());
    }

    private long address() {
        try (NDArray keys = cache.keys();
                Tensor tensor = Tensor.lentBy(keys)) {
            return tensor.address();
        }
    }

    @Test
    void anEmptyCacheHasRowsToo() {
        cache.truncate(0, 0, 0, 0);
        cache.select(0);
        assertTrue(cache.isEmpty());
        NDArray key = tokens.get("2:3, :, :2");
        cache.append(key, key);
        cache.select(0, 0, 0);
        assertArrayEquals(new long[] {2, 2, 2}, cache.lengths());
        assertEquals(key, cache.keys().get("2:3"));
        assertEquals(LENGTHS.length, cache.maxBatchSize());
    }

    /** A row that was NaN leaves nothing behind that a longer neighbour would make others read. */
    @Test
    void whatWasDroppedNeverShows() {
        NDArray poisoned = tokens.duplicate();
        poisoned.set(new NDIndex("1"), Float.NaN);
        poisoned.set(new NDIndex("3"), Float.NaN);
        KvCache dirty = filled(poisoned);
        dirty.select(0, 2);
        dirty.select(0, 1, 1);
        NDArray more = Fixtures.gaussian(manager, 2, 3, N, 5, H);
        dirty.append(more, more, 5, 1, 0);
        NDArray query = Fixtures.gaussian(manager, 3, 3, N, 1, H);
        NDArray key = Fixtures.gaussian(manager, 4, 3, N, 1, H);
        NDArray output =
                FlashAttention.decode(query, key, key, dirty, AttentionOptions.builder().build());
        assertTrue(Float.isFinite(output.sum().getFloat()));
        assertTrue(Float.isFinite(dirty.keys().sum().getFloat()));
        assertTrue(Float.isFinite(dirty.values().sum().getFloat()));
    }

    @Test
    void refusesRowsThatAreNotThere() {
        assertRefused("null rows, allowed is 1 to 4", (int[]) null);
        assertRefused("0 rows, allowed is 1 to 4");
        assertRefused("rows [0, 4], allowed are numbers from 0 to 3", 0, 4);
        assertRefused("rows [-1], allowed are numbers from 0 to 3", -1);
        assertRows(0, 1, 2, 3);
        cache.select(0, 1);
        assertRefused("rows [2], allowed are numbers from 0 to 1", 2);
        cache.close();
        assertThrows(IllegalStateException.class, () -> cache.select(0));
    }

    private void assertRefused(String message, int... rows) {
        assertEquals(
                message,
                assertThrows(IllegalArgumentException.class, () -> cache.select(rows))
                        .getMessage());
    }
}
