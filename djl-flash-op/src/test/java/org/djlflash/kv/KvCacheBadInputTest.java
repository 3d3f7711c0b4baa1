package org.djlflash.kv;

import static org.djlflash.CacheFixture.builder;
import static org.djlflash.CacheFixture.zeros;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.util.passthrough.PassthroughNDManager;
import java.util.function.BiConsumer;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.djlflash.CacheFixture;
import org.djlflash.Refusal;
import org.djlflash.torch.ScalarType;
import org.djlflash.torch.TorchOps;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** A refused call leaves a cache as it was. */
class KvCacheBadInputTest {

    private static final Class<IllegalArgumentException> ARGUMENT = IllegalArgumentException.class;
    private static final Class<IllegalStateException> STATE = IllegalStateException.class;

    static Stream<Refusal> appends() {
        return Stream.of(
                append("key null", (m, c) -> c.append(null, zeros(m, 2, 2, 1, 8)), "key is null"),
                append("value null", (m, c) -> c.append(zeros(m, 2, 2, 1, 8), null), "value is"),
                append(
                        "other engine",
                        (m, c) -> {
                            NDArray other = PassthroughNDManager.INSTANCE.create(new Object());
                            c.append(other, other);
                        },
                        "key is a PassthroughNDArray",
                        "allowed are arrays of the engine PyTorch"),
                append("rank", (m, c) -> both(c, zeros(m, 2, 1, 8)), "key of shape (2, 1, 8)", "("),
                append("batch", (m, c) -> both(c, zeros(m, 3, 2, 1, 8)), "(2, 2, tokens, 8)"),
                append("heads", (m, c) -> both(c, zeros(m, 2, 4, 1, 8)), "(2, 2, tokens, 8)"),
                append("head size", (m, c) -> both(c, zeros(m, 2, 2, 1, 16)), "(2, 2, tokens, 8)"),
                append(
                        "value of another shape",
                        (m, c) -> c.append(zeros(m, 2, 2, 1, 8), zeros(m, 2, 2, 2, 8)),
                        "value of shape (2, 2, 2, 8)",
                        "allowed is that of key: (2, 2, 1, 8)"),
                append(
                        "type",
                        (m, c) -> both(c, zeros(m, 2, 2, 1, 8).toType(DataType.FLOAT64, false)),
                        "key is float64 on cpu",
                        "allowed in this cache is float32 on cpu"),
                append(
                        "bfloat16",
                        (m, c) ->
                                both(
                                        c,
                                        TorchOps.cast(
                                                zeros(m, 2, 2, 1, 8), ScalarType.BFLOAT16, m)),
                        "key is ",
                        "allowed in this cache is float32 on cpu"),
                append(
                        "counts null",
                        (m, c) -> {
                            NDArray key = zeros(m, 2, 2, 2, 8);
                            c.append(key, key, (long[]) null);
                        },
                        "null counts",
                        "one for each of 2 rows"),
                append("one count", (m, c) -> counted(m, c, 1), "1 counts", "each of 2 rows"),
                append("count -1", (m, c) -> counted(m, c, 1, -1), "row 1 counts -1", "0 to 2"),
                append("count 3", (m, c) -> counted(m, c, 3, 2), "row 0 counts 3", "0 to 2"),
                append(
                        "length null",
                        (m, c) -> c.truncate((long[]) null),
                        "null lengths",
                        "2 rows"),
                append("one length", (m, c) -> c.truncate(1), "1 lengths", "each of 2 rows"),
                append("length -1", (m, c) -> c.truncate(2, -1), "row 1 to length -1", "0 to 1"),
                append("longer", (m, c) -> c.truncate(1, 2), "row 1 to length 2", "0 to 1"),
                append("room", (m, c) -> c.reserve(-1), "-1 tokens", "0 or more"),
                append("taken back", (m, c) -> c.appended(-1), "-1 tokens", "0 or more"),
                refusal(
                        "full",
                        STATE,
                        (m, c) -> both(c, zeros(m, 2, 2, 4, 8)),
                        "cache full: row 0 needs 6 tokens",
                        "the capacity is 4"),
                refusal(
                        "key closed",
                        STATE,
                        (m, c) -> {
                            NDArray key = zeros(m, 2, 2, 1, 8);
                            key.close();
                            c.append(key, zeros(m, 2, 2, 1, 8));
                        },
                        "key is closed"),
                refusal(
                        "value closed",
                        STATE,
                        (m, c) -> {
                            NDArray value = zeros(m, 2, 2, 1, 8);
                            value.close();
                            c.append(zeros(m, 2, 2, 1, 8), value);
                        },
                        "value is closed"));
    }

    static Stream<Refusal> builders() {
        return Stream.of(
                build("no batch", m -> builder().setBatchSize(0).build(m), "batch size 0"),
                build("no heads", m -> builder().setHeads(0).build(m), "number of heads 0"),
                build("no head size", m -> builder().setHeadSize(-1).build(m), "head size -1"),
                build("no capacity", m -> builder().setCapacity(0).build(m), "capacity 0"),
                build(
                        "integers",
                        m -> builder().optDataType(DataType.INT32).build(m),
                        "data type int32",
                        "allowed are [float32, float64, float16]"),
                build(
                        "bfloat16",
                        m -> builder().optDataType(DataType.BFLOAT16).build(m),
                        "data type bfloat16",
                        "allowed are [float32, float64, float16]"),
                build(
                        "no type",
                        m -> builder().optDataType(null).build(m),
                        "data type null",
                        "allowed are [float32, float64, float16]"),
                build(
                        "more bytes than numbers reach",
                        m ->
                                builder()
                                        .setBatchSize(Integer.MAX_VALUE)
                                        .setCapacity(Integer.MAX_VALUE)
                                        .build(m),
                        "bytes",
                        "allowed are at most"),
                build(
                        "closed manager",
                        m -> {
                            NDManager closed = m.newSubManager();
                            closed.close();
                            builder().build(closed);
                        },
                        "manager is closed"),
                new Refusal(
                        "no manager",
                        ARGUMENT,
                        m -> builder().build(null),
                        m -> builder().build(m).close(),
                        "manager is null",
                        "allowed are managers of the engine PyTorch"),
                new Refusal(
                        "another engine's manager",
                        ARGUMENT,
                        m -> builder().build(PassthroughNDManager.INSTANCE),
                        m -> builder().build(m).close(),
                        "manager is a PassthroughNDManager",
                        "allowed are managers of the engine PyTorch"));
    }

    @ParameterizedTest
    @MethodSource({"appends", "builders"})
    void isRefusedInWords(Refusal refusal) {
        refusal.verify();
    }

    private static Refusal append(
            String name, BiConsumer<NDManager, KvCache> bad, String... words) {
        return refusal(name, ARGUMENT, bad, words);
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
                    both(cache, zeros(m, 2, 2, 2, 8));
                    assertArrayEquals(new long[] {CacheFixture.CAPACITY, 3}, cache.lengths());
                    cache.truncate(2, 1);
                    counted(m, cache, 2, 0);
                    assertArrayEquals(new long[] {CacheFixture.CAPACITY, 1}, cache.lengths());
                },
                words);
    }

    private static Refusal build(String name, Consumer<NDManager> bad, String... words) {
        return new Refusal(
                name,
                STATE,
                bad,
                m -> {
                    KvCache cache = builder().build(m);
                    assertEquals(CacheFixture.CAPACITY, cache.capacity());
                },
                words);
    }

    private static void both(KvCache cache, NDArray tokens) {
        cache.append(tokens, tokens);
    }

    private static void counted(NDManager manager, KvCache cache, long... counts) {
        NDArray tokens = zeros(manager, 2, 2, 2, 8);
        cache.append(tokens, tokens, counts);
    }
}
