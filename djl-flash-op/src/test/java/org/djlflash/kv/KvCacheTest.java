package org.djlflash.kv;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import java.util.Arrays;
import org.djlflash.Fixtures;
import org.djlflash.testkit.Closeness;
import org.djlflash.torch.GradMode;
import org.djlflash.torch.Tensor;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What goes into a cache comes out, in the memory that was allocated at first. */
class KvCacheTest {

    private static final int B = 2;
    private static final int N = 3;
    private static final int H = 4;
    private static final int CAPACITY = 10;

    private final NDManager manager = Fixtures.manager();

    @AfterEach
    void closeManager() {
        manager.close();
    }

    @ParameterizedTest
    @EnumSource(
            value = DataType.class,
            names = {"FLOAT16", "FLOAT32", "FLOAT64"})
    void returnsWhatWasAppended(DataType type) {
        KvCache cache = builder().optDataType(type).build(manager);
        assertTrue(cache.isEmpty());
        assertEquals(2L * B * N * CAPACITY * H * type.getNumOfBytes(), cache.sizeInBytes());
        assertEquals(new Shape(B, N, 0, H), cache.keys().getShape());
        NDArray key = tokens(1, 5).toType(type, false);
        NDArray value = tokens(2, 5).toType(type, false);
        cache.append(key.get(":, :, :3"), value.get(":, :, :3"));
        cache.append(key.get(":, :, 3:"), value.get(":, :, 3:"));
        assertArrayEquals(new long[] {5, 5}, cache.lengths());
        assertFalse(cache.isEmpty());
        assertEquals(type, cache.keys().getDataType());
        assertSame(key, cache.keys());
        assertSame(value, cache.values());
    }

    @Test
    void rowsHaveLengthsOfTheirOwn() {
        KvCache cache = builder().build(manager);
        NDArray prompt = tokens(3, 4);
        cache.append(prompt, prompt.neg(), 4, 2);
        NDArray next = tokens(4, 2);
        cache.append(next, next.neg(), 1, 2);
        NDArray none = tokens(5, 1);
        cache.append(none, none.neg(), 0, 0);
        assertArrayEquals(new long[] {5, 4}, cache.lengths());
        NDArray keys = cache.keys();
        assertEquals(new Shape(B, N, 5, H), keys.getShape());
        assertSame(prompt.get("0"), keys.get("0, :, :4"));
        assertSame(next.get("0, :, :1"), keys.get("0, :, 4:"));
        assertSame(prompt.get("1, :, :2"), keys.get("1, :, :2"));
        assertSame(next.get("1"), keys.get("1, :, 2:4"));
        assertSame(keys.neg(), cache.values());
    }

    @Test
    void takesArraysOfAnyStrides() {
        KvCache cache = builder().build(manager);
        NDArray packed = Fixtures.gaussian(manager, 6, B, 2, 3, N, H);
        NDArray key = packed.get(":, :, 1").transpose(0, 2, 1, 3);
        NDArray value = Fixtures.gaussian(manager, 7, B, 1, 2, H).broadcast(B, N, 2, H);
        cache.append(key, value);
        assertSame(key, cache.keys());
        assertSame(value, cache.values());
        cache.append(key, value, 1, 2);
        assertSame(key.get("1"), cache.keys().get("1, :, 2:"));
        assertSame(value.get("1"), cache.values().get("1, :, 2:"));
    }

    @Test
    void neverMovesNorGrows() {
        int tokens = 1000;
        KvCache cache = builder().setCapacity(tokens).build(manager);
        NDArray key = tokens(8, 1);
        cache.append(key, key);
        NDArray first = cache.keys();
        long address = address(first);
        int arrays = manager.getManagedArrays().size();
        for (int i = 1; i < tokens; i++) {
            cache.append(key, key);
            try (NDArray keys = cache.keys()) {
                assertEquals(address, address(keys));
            }
        }
        assertEquals(arrays, manager.getManagedArrays().size());
        assertSame(key.get(":, :, 0"), cache.keys().get(":, :, -1"));
    }

    @Test
    void handsOutViews() {
        KvCache cache = builder().build(manager);
        cache.append(tokens(9, 2), tokens(10, 2));
        NDArray keys = cache.keys();
        cache.truncate(1, 1);
        NDArray other = tokens(11, 1);
        cache.append(other, other);
        assertSame(other, keys.get(":, :, 1:"));
    }

    @Test
    void truncatesAndGoesOn() {
        KvCache cache = builder().build(manager);
        NDArray key = tokens(12, 4);
        cache.append(key, key);
        cache.truncate(4, 1);
        assertArrayEquals(new long[] {4, 1}, cache.lengths());
        assertSame(key.get("1, :, :1"), cache.keys().get("1, :, :1"));
        assertSame(key.get("0"), cache.keys().get("0"));
        NDArray next = tokens(13, 1);
        cache.append(next, next);
        assertSame(next.get("0"), cache.keys().get("0, :, 4:"));
        assertSame(next.get("1"), cache.keys().get("1, :, 1:2"));
        cache.truncate(0, 0);
        assertTrue(cache.isEmpty());
    }

    /** A longer row multiplies what lies beyond a shorter one by 0, and 0 times NaN is NaN. */
    @Test
    void whatIsTakenBackIsCleared() {
        KvCache cache = builder().build(manager);
        NDArray nan = tokens(14, 3).mul(Float.NaN);
        cache.append(nan, nan);
        cache.truncate(3, 1);
        double[] zeros = new double[N * 2 * H];
        Closeness.assertClose("keys", zeros, cache.keys().get("1, :, 1:"), 0);
        Closeness.assertClose("values", zeros, cache.values().get("1, :, 1:"), 0);
        assertTrue(cache.keys().get("1, :, 0").isNaN().all().getBoolean());
    }

    @Test
    void isFilledToTheLastTokenAndNotBeyond() {
        KvCache cache = builder().build(manager);
        NDArray key = tokens(15, CAPACITY);
        cache.append(key, key);
        NDArray more = tokens(16, 1);
        String message =
                assertThrows(IllegalStateException.class, () -> cache.append(more, more))
                        .getMessage();
        assertEquals("cache full: row 0 needs 11 tokens, the capacity is 10", message);
        assertSame(key, cache.keys());
        cache.truncate(10, 9);
        assertThrows(IllegalStateException.class, () -> cache.append(more, more, 1, 1));
        cache.append(more, more, 0, 1);
        assertSame(more.get("1"), cache.keys().get("1, :, 9:"));
        assertSame(key.get("0"), cache.keys().get("0"));
    }

    @Test
    void theDeviceKnowsTheLengths() {
        KvCache cache = builder().build(manager);
        assertDeviceLengths(cache, 0, 0);
        NDArray three = tokens(20, 3);
        cache.append(three, three);
        assertDeviceLengths(cache, 3, 3);
        cache.append(three, three, 1, 3);
        assertDeviceLengths(cache, 4, 6);
        NDArray one = tokens(21, 1);
        cache.append(one, one);
        assertDeviceLengths(cache, 5, 7);
        cache.append(three, three, 0, 0);
        assertDeviceLengths(cache, 5, 7);
        cache.truncate(4, 1);
        assertDeviceLengths(cache, 4, 1);
        cache.truncate(3, 0);
        assertDeviceLengths(cache, 3, 0);
        cache.append(three, three, 0, 3);
        assertTrue(cache.isUniform());
        assertDeviceLengths(cache, 3, 3);
        cache.truncate(0, 0);
        NDArray full = tokens(22, CAPACITY);
        cache.append(full, full, 0, CAPACITY);
        assertFalse(cache.isUniform());
        assertDeviceLengths(cache, 0, CAPACITY);
    }

    @Test
    void theDeviceKnowsTheLengthsThatWereNotAskedFor() {
        KvCache cache = builder().build(manager);
        NDArray two = tokens(23, 2);
        cache.append(two, two, 2, 1);
        cache.append(two, two);
        cache.truncate(4, 2);
        cache.append(two, two, 0, 1);
        assertDeviceLengths(cache, 4, 3);
    }

    @Test
    void whatIsRefusedChangesNoLength() {
        KvCache cache = builder().build(manager);
        NDArray six = tokens(24, 6);
        cache.append(six, six, 6, 4);
        assertThrows(IllegalStateException.class, () -> cache.append(six, six));
        assertDeviceLengths(cache, 6, 4);
        assertThrows(IllegalArgumentException.class, () -> cache.truncate(2, 5));
        assertDeviceLengths(cache, 6, 4);
        assertThrows(IllegalArgumentException.class, () -> cache.append(six, six, 1, 7));
        cache.append(six, six, 0, 6);
        assertDeviceLengths(cache, 6, 10);
    }

    @Test
    void lengthsStayInTheSameMemory() {
        KvCache cache = builder().build(manager);
        NDArray token = tokens(25, 1);
        cache.append(token, token, 1, 0);
        try (NDArray first = cache.deviceLengths()) {
            cache.append(token, token);
            try (NDArray second = cache.deviceLengths()) {
                assertEquals(address(first), address(second));
                assertArrayEquals(new int[] {2, 1}, first.toIntArray());
            }
        }
    }

    private static void assertDeviceLengths(KvCache cache, int... expected) {
        try (NDArray lengths = cache.deviceLengths()) {
            assertEquals(DataType.INT32, lengths.getDataType());
            assertArrayEquals(expected, lengths.toIntArray());
        }
        assertArrayEquals(Arrays.stream(expected).asLongStream().toArray(), cache.lengths());
    }

    @Test
    void isClosedWithItsManager() {
        NDManager scope = manager.newSubManager();
        KvCache cache = builder().build(scope);
        NDArray key = tokens(17, 1);
        cache.append(key, key);
        NDArray view = cache.keys();
        scope.close();
        assertClosed(cache, key);
        assertThrows(IllegalStateException.class, view::toFloatArray);
        cache.close();
    }

    @Test
    void isClosedByItselfAndTwice() {
        KvCache cache = builder().build(manager);
        NDArray key = tokens(18, 1);
        cache.append(key, key);
        cache.close();
        cache.close();
        assertClosed(cache, key);
        assertTrue(manager.isOpen());
        assertEquals(B, cache.batchSize());
        assertEquals(CAPACITY, cache.capacity());
    }

    private static void assertClosed(KvCache cache, NDArray key) {
        for (Runnable use :
                new Runnable[] {
                    () -> cache.append(key, key),
                    () -> cache.append(key, key, 1, 1),
                    () -> cache.truncate(0, 0),
                    cache::keys,
                    cache::values,
                    cache::deviceLengths
                }) {
            String message = assertThrows(IllegalStateException.class, use::run).getMessage();
            assertEquals("the cache is closed", message);
        }
    }

    @Test
    void isNoPartOfAutograd() {
        KvCache cache = builder().build(manager);
        NDArray leaf = Fixtures.leaf(tokens(19, 2));
        NDArray output =
                Fixtures.backward(
                        () -> {
                            NDArray key = leaf.mul(2);
                            cache.append(key, key);
                            assertTrue(GradMode.isOn());
                            assertTrue(GradMode.isRecorded(key));
                            assertFalse(GradMode.isRecorded(cache.keys()));
                            return leaf.add(cache.keys());
                        },
                        manager.ones(leaf.getShape()));
        assertSame(leaf.mul(3), output);
        double[] one = Closeness.toDoubles(manager.ones(leaf.getShape()));
        Closeness.assertClose("gradient", one, leaf.getGradient(), 0);
    }

    private NDArray tokens(long seed, long count) {
        return Fixtures.gaussian(manager, seed, B, N, count, H);
    }

    private static long address(NDArray array) {
        try (Tensor tensor = Tensor.of(array)) {
            return tensor.address();
        }
    }

    private static void assertSame(NDArray expected, NDArray actual) {
        assertEquals(expected.getShape(), actual.getShape());
        Closeness.assertClose("array", Closeness.toDoubles(expected), actual, 0);
    }

    private static KvCache.Builder builder() {
        return KvCache.builder().setBatchSize(B).setHeads(N).setHeadSize(H).setCapacity(CAPACITY);
    }
}
