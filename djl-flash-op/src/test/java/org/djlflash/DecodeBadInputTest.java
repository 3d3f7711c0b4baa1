package org.djlflash;

import static org.djlflash.CacheFixture.filled;
import static org.djlflash.CacheFixture.zeros;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import java.util.function.BiConsumer;
import java.util.stream.Stream;
import org.djlflash.kv.KvCache;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** A refused decoding step is refused in words and leaves the cache as it was. */
class DecodeBadInputTest {

    static Stream<Refusal> refusals() {
        return Stream.of(
                argument(
                        "cache null",
                        (m, c) ->
                                FlashAttention.decode(
                                        zeros(m, 2, 4, 1, 8),
                                        zeros(m, 2, 2, 1, 8),
                                        zeros(m, 2, 2, 1, 8),
                                        null,
                                        AttentionOptions.defaults()),
                        "cache is null"),
                argument("options null", (m, c) -> decode(m, c, null, 4, 2, 1), "options is null"),
                argument(
                        "query null",
                        (m, c) -> decode(c, null, zeros(m, 2, 2, 1, 8)),
                        "query is null"),
                argument(
                        "more queries than keys",
                        (m, c) -> decode(c, zeros(m, 2, 4, 2, 8), zeros(m, 2, 2, 1, 8)),
                        "2 new queries and 1 new keys",
                        "allowed are equally many"),
                argument(
                        "no tokens", (m, c) -> plain(m, c, 4, 2, 0), "0 new queries", "at least 1"),
                argument(
                        "batch larger than the cache",
                        (m, c) -> decode(c, zeros(m, 3, 4, 1, 8), zeros(m, 3, 2, 1, 8)),
                        "batch size 3",
                        "allowed is the cache's: 2"),
                argument(
                        "heads of another model",
                        (m, c) -> plain(m, c, 4, 4, 1),
                        "key of shape (2, 4, 1, 8)",
                        "allowed in this cache is (2, 2, tokens, 8)"),
                argument(
                        "head size of another model",
                        (m, c) -> decode(c, zeros(m, 2, 4, 1, 16), zeros(m, 2, 2, 1, 16)),
                        "key of shape (2, 2, 1, 16)",
                        "allowed in this cache is (2, 2, tokens, 8)"),
                argument(
                        "another type",
                        (m, c) -> {
                            NDArray query = zeros(m, 2, 4, 1, 8).toType(DataType.FLOAT64, false);
                            NDArray key = zeros(m, 2, 2, 1, 8).toType(DataType.FLOAT64, false);
                            decode(c, query, key);
                        },
                        "key is float64 on cpu",
                        "allowed in this cache is float32 on cpu"),
                argument(
                        "causal",
                        (m, c) -> decode(m, c, with().optCausal(true).build(), 4, 2, 1),
                        "causal alignment BOTTOM_RIGHT",
                        "allowed is none"),
                argument(
                        "key lengths",
                        (m, c) -> decode(m, c, with().optKeyLengths(3, 2).build(), 4, 2, 1),
                        "2 key lengths",
                        "allowed are none"),
                argument(
                        "dropout",
                        (m, c) -> decode(m, c, with().optDropout(0.1f).build(), 4, 2, 1),
                        "dropout 0.1",
                        "allowed is 0"),
                argument(
                        "mask of the length before",
                        (m, c) -> {
                            NDArray mask = m.ones(new Shape(2), DataType.BOOLEAN);
                            decode(m, c, with().optMask(mask).build(), 4, 2, 1);
                        },
                        "mask of shape (2)",
                        "broadcasts to (2, 4, 1, 3)"),
                argument(
                        "bias of another type",
                        (m, c) -> {
                            NDArray bias = m.zeros(new Shape(3), DataType.FLOAT64);
                            decode(m, c, with().optBias(bias).build(), 4, 2, 1);
                        },
                        "bias is float64 on cpu",
                        "allowed is float32 on cpu"),
                refusal(
                        "backend that does not fit",
                        UnsupportedOperationException.class,
                        (m, c) ->
                                decode(
                                        m,
                                        c,
                                        with().optBackend(Backend.REFERENCE)
                                                .optComputeType(DataType.FLOAT16)
                                                .build(),
                                        4,
                                        2,
                                        1),
                        "backend reference does not fit",
                        "The compute type is float16",
                        "The arrays are float32"),
                refusal(
                        "full",
                        IllegalStateException.class,
                        (m, c) -> plain(m, c, 4, 2, 3),
                        "cache full: row 0 needs 5 tokens",
                        "the capacity is 4"),
                refusal(
                        "closed key",
                        IllegalStateException.class,
                        (m, c) -> {
                            NDArray key = zeros(m, 2, 2, 1, 8);
                            key.close();
                            decode(c, zeros(m, 2, 4, 1, 8), key);
                        },
                        "key is closed"),
                new Refusal(
                        "closed cache",
                        IllegalStateException.class,
                        m -> {
                            KvCache cache = filled(m);
                            cache.close();
                            plain(m, cache, 4, 2, 1);
                        },
                        m -> plain(m, filled(m), 4, 2, 1),
                        "the cache is closed"));
    }

    @ParameterizedTest
    @MethodSource("refusals")
    void isRefusedInWords(Refusal refusal) {
        refusal.verify();
    }

    private static Refusal argument(
            String name, BiConsumer<NDManager, KvCache> bad, String... words) {
        return refusal(name, IllegalArgumentException.class, bad, words);
    }

    private static Refusal refusal(
            String name,
            Class<? extends RuntimeException> type,
            BiConsumer<NDManager, KvCache> bad,
            String... words) {
        return CacheFixture.refusal(
                name,
                type,
                bad,
                (m, cache) -> {
                    NDArray mask = m.ones(new Shape(3), DataType.BOOLEAN);
                    decode(m, cache, with().optMask(mask).build(), 4, 2, 1);
                    plain(m, cache, 4, 2, 1);
                    assertArrayEquals(new long[] {CacheFixture.CAPACITY, 3}, cache.lengths());
                },
                words);
    }

    private static void decode(KvCache cache, NDArray query, NDArray key) {
        FlashAttention.decode(query, key, key, cache, AttentionOptions.defaults());
    }

    private static void plain(
            NDManager manager, KvCache cache, int heads, int keyHeads, int tokens) {
        decode(manager, cache, AttentionOptions.defaults(), heads, keyHeads, tokens);
    }

    private static void decode(
            NDManager manager,
            KvCache cache,
            AttentionOptions options,
            int heads,
            int keyHeads,
            int tokens) {
        NDArray query = zeros(manager, 2, heads, tokens, 8);
        NDArray key = zeros(manager, 2, keyHeads, tokens, 8);
        NDArray output = FlashAttention.decode(query, key, key, cache, options);
        assertEquals(query.getShape(), output.getShape());
    }

    private static AttentionOptions.Builder with() {
        return AttentionOptions.builder();
    }
}
