package org.djlflash;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import java.util.function.BiConsumer;
import org.djlflash.kv.KvCache;
import org.djlflash.testkit.Closeness;

/** A cache whose rows hold 2 tokens and 1, with room for 4, and calls that it must refuse. */
public final class CacheFixture {

    /** The room of a row. */
    public static final int CAPACITY = 4;

    private static final int BATCH = 2;
    private static final int HEADS = 2;
    private static final int HEAD_SIZE = 8;

    private CacheFixture() {}

    /**
     * Returns the builder of an empty cache.
     *
     * @return a builder of two rows with 2 heads of 8
     */
    public static KvCache.Builder builder() {
        return KvCache.builder()
                .setBatchSize(BATCH)
                .setHeads(HEADS)
                .setHeadSize(HEAD_SIZE)
                .setCapacity(CAPACITY);
    }

    /**
     * Builds and fills a cache.
     *
     * @param manager its owner
     * @return the cache
     */
    public static KvCache filled(NDManager manager) {
        KvCache cache = builder().build(manager);
        cache.append(
                Fixtures.gaussian(manager, 1, BATCH, HEADS, 2, HEAD_SIZE),
                Fixtures.gaussian(manager, 2, BATCH, HEADS, 2, HEAD_SIZE),
                2,
                1);
        return cache;
    }

    /**
     * Describes a call that must be refused and leave the cache as it was.
     *
     * @param name what is wrong
     * @param type the exception
     * @param bad the call, on a filled cache
     * @param good its neighbour, on another
     * @param words what the message must contain
     * @return the refusal
     */
    public static Refusal refusal(
            String name,
            Class<? extends RuntimeException> type,
            BiConsumer<NDManager, KvCache> bad,
            BiConsumer<NDManager, KvCache> good,
            String... words) {
        return new Refusal(
                name,
                type,
                manager -> {
                    KvCache cache = filled(manager);
                    double[] keys = Closeness.toDoubles(cache.keys());
                    double[] values = Closeness.toDoubles(cache.values());
                    try {
                        bad.accept(manager, cache);
                    } finally {
                        assertArrayEquals(new long[] {2, 1}, cache.lengths());
                        Closeness.assertClose("keys", keys, cache.keys(), 0);
                        Closeness.assertClose("values", values, cache.values(), 0);
                    }
                },
                manager -> good.accept(manager, filled(manager)),
                words);
    }

    /**
     * Makes tokens of no importance.
     *
     * @param manager their owner
     * @param sizes their shape
     * @return zeros
     */
    public static NDArray zeros(NDManager manager, long... sizes) {
        return manager.zeros(new Shape(sizes));
    }
}
