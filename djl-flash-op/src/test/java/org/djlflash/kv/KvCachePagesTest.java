package org.djlflash.kv;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import java.util.Arrays;
import java.util.Random;
import java.util.stream.IntStream;
import org.djlflash.AttentionOptions;
import org.djlflash.Fixtures;
import org.djlflash.FlashAttention;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Caches of pages, against those whose rows are contiguous. */
class KvCachePagesTest {

    private static final int B = 3;
    private static final int N = 2;
    private static final int H = 8;
    private static final int CAPACITY = 100;

    private final NDManager manager = Fixtures.manager();

    @AfterEach
    void closeManager() {
        manager.close();
    }

    private static KvCache.Builder builder() {
        return KvCache.builder().setBatchSize(B).setHeads(N).setHeadSize(H).setCapacity(CAPACITY);
    }

    private NDArray tokens(int seed, int rows, int count) {
        return Fixtures.gaussian(manager, seed, rows, N, count, H);
    }

    private static void assertSame(KvCache expected, KvCache actual) {
        assertArrayEquals(expected.lengths(), actual.lengths());
        for (int row = 0; row < expected.batchSize(); row++) {
            long length = expected.lengths()[row];
            for (boolean keys : new boolean[] {true, false}) {
                NDArray a = keys ? expected.keys() : expected.values();
                NDArray b = keys ? actual.keys() : actual.values();
                assertEquals(a.getShape(), b.getShape());
                assertEquals(a.get("{}, :, :{}", row, length), b.get("{}, :, :{}", row, length));
                assertFalse(b.isNaN().any().getBoolean());
            }
        }
    }

    /** Appends, takes back, forks, drops and swaps at random. */
    @ParameterizedTest
    @ValueSource(ints = {16, 32, 64})
    void holdsWhatAContiguousCacheHolds(int pageSize) {
        KvCache expected = builder().build(manager);
        KvCache actual = builder().optPageSize(pageSize).build(manager);
        Random random = new Random(pageSize);
        for (int step = 0; step < 120; step++) {
            int rows = expected.batchSize();
            long[] lengths = expected.lengths();
            int what = random.nextInt(4);
            if (what < 2) {
                int most = 1 + random.nextInt(what == 0 ? 3 : 40);
                long[] counts =
                        Arrays.stream(lengths)
                                .map(n -> Math.min(random.nextInt(most + 1), CAPACITY - n))
                                .toArray();
                NDArray key = tokens(step, rows, most);
                expected.append(key, key.neg(), counts);
                actual.append(key, key.neg(), counts);
            } else if (what == 2) {
                long[] shorter =
                        Arrays.stream(lengths)
                                .map(n -> n - random.nextInt((int) n / 3 + 1))
                                .toArray();
                expected.truncate(shorter);
                actual.truncate(shorter);
            } else {
                int[] selected = random.ints(1 + random.nextInt(B), 0, rows).toArray();
                expected.select(selected);
                actual.select(selected);
            }
            assertSame(expected, actual);
        }
        actual.truncate(new long[actual.batchSize()]);
        assertEquals(0, actual.usedPages());
    }

    @Test
    void rowsGrowByPages() {
        KvCache cache = builder().optPageSize(16).build(manager);
        NDArray key = tokens(1, B, 17);
        cache.append(key, key, 17, 16, 0);
        assertEquals(3, cache.usedPages());
        cache.append(key, key, 0, 1, 1);
        assertEquals(5, cache.usedPages());
        cache.truncate(16, 0, 1);
        assertEquals(2, cache.usedPages());
    }

    @Test
    void aForkSharesAllPagesUntilOneIsWrittenTo() {
        KvCache cache = builder().optPageSize(16).build(manager);
        NDArray key = tokens(2, B, 40);
        cache.append(key, key, 40, 0, 0);
        assertEquals(3, cache.usedPages());
        cache.select(0, 0, 0);
        assertEquals(3, cache.usedPages());
        NDArray next = tokens(3, B, 1);
        cache.append(next, next);
        // The first row to write copies, and so does the second; the last has the page for itself.
        assertEquals(5, cache.usedPages());
        for (int row = 0; row < B; row++) {
            assertEquals(key.get("0"), cache.keys().get("{}, :, :40", row));
            assertEquals(next.get(row), cache.keys().get("{}, :, 40:", row));
        }
        cache.select(1);
        assertEquals(3, cache.usedPages());
    }

    @Test
    void saysThatItIsFull() {
        KvCache cache = builder().optPageSize(16).optPages(4).build(manager);
        NDArray key = tokens(4, B, 20);
        cache.append(key, key, 20, 16, 0);
        String message =
                assertThrows(IllegalStateException.class, () -> cache.append(key, key, 1, 1, 1))
                        .getMessage();
        assertEquals("cache full: 2 more pages of 16 tokens are needed, 1 of 4 are free", message);
        assertArrayEquals(new long[] {20, 16, 0}, cache.lengths());
        assertEquals(3, cache.usedPages());
        cache.append(key, key, 1, 1, 0);
        cache.truncate(0, 17, 0);
        cache.append(key, key, 0, 0, 20);
        assertEquals(key.get("2"), cache.keys().get("2, :, :20"));
    }

    @Test
    void whatAPageHeldForOthersNeverShows() {
        KvCache cache = builder().optPageSize(16).optPages(2).build(manager);
        NDArray nan = tokens(5, B, 20).mul(Float.NaN);
        cache.append(nan, nan, 20, 0, 0);
        cache.truncate(0, 0, 0);
        NDArray key = tokens(6, B, 2);
        cache.append(key, key, 1, 2, 0);
        assertFalse(cache.keys().isNaN().any().getBoolean());
    }

    @ParameterizedTest
    @CsvSource({"0, false", "16, true"})
    void theDeviceKnowsThePages(int pageSize, boolean paged) {
        KvCache cache = builder().optPageSize(pageSize).build(manager);
        if (!paged) {
            assertNull(cache.devicePages());
            return;
        }
        cache.reserve(17);
        cache.appended(17);
        assertArrayEquals(new long[] {17, 17, 17}, cache.lengths());
        NDArray pages = cache.devicePages();
        assertEquals(new Shape(B, 7), pages.getShape());
        assertEquals(DataType.INT32, pages.getDataType());
        int[] before = pages.toIntArray();
        assertEquals(6, IntStream.of(before).filter(page -> page >= 0).distinct().count());
        assertEquals(15, IntStream.of(before).filter(page -> page < 0).count());
        cache.select(2, 2, 1);
        int[] after = cache.devicePages().toIntArray();
        assertArrayEquals(Arrays.copyOfRange(before, 14, 21), Arrays.copyOf(after, 7));
        assertArrayEquals(Arrays.copyOf(after, 7), Arrays.copyOfRange(after, 7, 14));
        assertTrue(pages == cache.devicePages());
    }

    @Test
    void aFullRowReservesNoMore() {
        KvCache cache = builder().optPageSize(16).build(manager);
        cache.reserve(CAPACITY + 5);
        cache.appended(CAPACITY + 5);
        assertArrayEquals(new long[] {CAPACITY, CAPACITY, CAPACITY}, cache.lengths());
        assertEquals(B * 7, cache.usedPages());
    }

    @Test
    void attentionIsEqual() {
        KvCache expected = builder().build(manager);
        KvCache actual = builder().optPageSize(16).build(manager);
        AttentionOptions options = AttentionOptions.builder().build();
        for (int step = 0; step < 40; step++) {
            int count = step == 0 ? 15 : 1;
            NDArray query = Fixtures.gaussian(manager, 100 + step, B, 2 * N, count, H);
            NDArray key = tokens(200 + step, B, count);
            NDArray value = tokens(300 + step, B, count);
            assertEquals(
                    FlashAttention.decode(query, key, value, expected, options),
                    FlashAttention.decode(query, key, value, actual, options));
        }
    }

    @Test
    void saysWhatItTakes() {
        KvCache cache = builder().optPageSize(16).optPages(5).build(manager);
        NDArray key = tokens(7, B, 3);
        cache.append(key, key, 3, 2, 0);
        assertEquals(2L * 5 * N * 16 * H * 4, cache.sizeInBytes());
        assertEquals(
                "3 rows of [3, 2, 0] tokens, room for 100, 2 heads of 8 in float32, 10240 bytes, 2"
                        + " of 5 pages of 16 tokens",
                cache.toString());
    }

    @ParameterizedTest
    @CsvSource({
        "8, 0, 'pages of 8 tokens, allowed are powers of two from 16 to 256'",
        "48, 0, 'pages of 48 tokens, allowed are powers of two from 16 to 256'",
        "512, 0, 'pages of 512 tokens, allowed are powers of two from 16 to 256'",
        "16, -1, '-1 pages of 16 tokens, allowed is 1 or more of a size'",
        "0, 3, '3 pages of 0 tokens, allowed is 1 or more of a size'"
    })
    void refusesWhatDoesNotFit(int pageSize, int pages, String message) {
        KvCache.Builder builder = builder().optPageSize(pageSize).optPages(pages);
        assertEquals(
                message,
                assertThrows(IllegalStateException.class, () -> builder.build(manager))
                        .getMessage());
    }
}
