package org.djlflash;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import java.util.stream.IntStream;
import org.djlflash.kv.KvCache;
import org.djlflash.testkit.Closeness;
import org.djlflash.testkit.RequiresGpu;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Decoding on a GPU, where the rows of a cache have lengths of their own. */
@RequiresGpu
class DecodeGpuTest {

    private static final int HEADS = 4;
    private static final int KEY_HEADS = 2;
    private static final int HEAD_SIZE = 64;
    private static final int CAPACITY = 700;

    private static NDManager manager() {
        return NDManager.newBaseManager(Device.gpu(), "PyTorch");
    }

    private static NDArray gaussian(NDManager manager, long seed, int rows, int heads, int tokens) {
        return Fixtures.gaussian(manager, seed, rows, heads, tokens, HEAD_SIZE)
                .toType(DataType.FLOAT16, false);
    }

    private static KvCache cache(NDManager manager, int rows) {
        return KvCache.builder()
                .setBatchSize(rows)
                .setHeads(KEY_HEADS)
                .setHeadSize(HEAD_SIZE)
                .setCapacity(CAPACITY)
                .optDataType(DataType.FLOAT16)
                .build(manager);
    }

    private static NDArray row(NDArray array, int row) {
        return array.get(row + ":" + (row + 1));
    }

    /** Each row as it is alone, and as attention in double precision has it. */
    @ParameterizedTest
    @EnumSource(
            value = Backend.class,
            names = {"CUDA", "TORCH_SDPA"})
    void rowsOfDifferentLengthsEqualSingleRows(Backend backend) {
        int[] lengths = {1, 600, 0, 333};
        int[] chunks = {1, 1, 3, 1, 16};
        AttentionOptions options = AttentionOptions.builder().optBackend(backend).build();
        try (NDManager manager = manager()) {
            NDArray prompt = gaussian(manager, 1, lengths.length, KEY_HEADS, 600);
            KvCache together = cache(manager, lengths.length);
            together.append(prompt, prompt.neg(), longs(lengths));
            KvCache[] alone = new KvCache[lengths.length];
            for (int i = 0; i < alone.length; i++) {
                alone[i] = cache(manager, 1);
                alone[i].append(row(prompt, i), row(prompt, i).neg(), lengths[i]);
            }
            for (int step = 0; step < chunks.length; step++) {
                int tokens = chunks[step];
                long seed = 10 * (step + 1);
                NDArray query = gaussian(manager, seed, lengths.length, HEADS, tokens);
                NDArray key = gaussian(manager, seed + 1, lengths.length, KEY_HEADS, tokens);
                NDArray value = gaussian(manager, seed + 2, lengths.length, KEY_HEADS, tokens);
                NDArray output = FlashAttention.decode(query, key, value, together, options);
                for (int i = 0; i < alone.length; i++) {
                    NDArray single =
                            FlashAttention.decode(
                                    row(query, i), row(key, i), row(value, i), alone[i], options);
                    String what = "row " + i + " step " + step;
                    Closeness.assertClose(what, Closeness.toDoubles(single), row(output, i), 1e-3);
                    Closeness.assertClose(
                            what + " in double",
                            expected(row(query, i), alone[i]),
                            row(output, i),
                            3e-3);
                }
            }
        }
    }

    /** In place, whatever lies in pages that no row has; forks share theirs. */
    @ParameterizedTest
    @ValueSource(ints = {16, 64, 256})
    void pagesAreReadInPlace(int pageSize) {
        long[] lengths = {1, 600, 0, 333};
        AttentionOptions options = AttentionOptions.builder().optBackend(Backend.CUDA).build();
        try (NDManager manager = manager()) {
            NDArray prompt = gaussian(manager, 1, lengths.length, KEY_HEADS, 600);
            KvCache pages =
                    KvCache.builder()
                            .setBatchSize(lengths.length)
                            .setHeads(KEY_HEADS)
                            .setHeadSize(HEAD_SIZE)
                            .setCapacity(CAPACITY)
                            .optDataType(DataType.FLOAT16)
                            .optPageSize(pageSize)
                            .build(manager);
            pages.keyMemory().muli(Float.NaN);
            pages.valueMemory().muli(Float.NaN);
            KvCache whole = cache(manager, lengths.length);
            whole.append(prompt, prompt.neg(), lengths);
            pages.append(prompt, prompt.neg(), lengths);
            for (int step = 0; step < 6; step++) {
                if (step == 3) {
                    whole.select(1, 1, 3, 0);
                    pages.select(1, 1, 3, 0);
                }
                int tokens = step == 2 ? 16 : 1;
                NDArray query = gaussian(manager, 20 + step, lengths.length, HEADS, tokens);
                NDArray key = gaussian(manager, 30 + step, lengths.length, KEY_HEADS, tokens);
                NDArray value = gaussian(manager, 40 + step, lengths.length, KEY_HEADS, tokens);
                Closeness.assertClose(
                        "step " + step,
                        Closeness.toDoubles(
                                FlashAttention.decode(query, key, value, whole, options)),
                        FlashAttention.decode(query, key, value, pages, options),
                        1e-3);
            }
        }
    }

    /** Bit for bit: the number of splits alone decides in which order sums are added up. */
    @Test
    void withFixedSplitsARowDoesNotDependOnItsNeighbours() {
        long[] lengths = {600, 1, 333, 64, 599, 17};
        try (NDManager manager = manager()) {
            NDArray query = gaussian(manager, 1, lengths.length, HEADS, 1);
            NDArray key = gaussian(manager, 2, lengths.length, KEY_HEADS, 600);
            NDArray value = gaussian(manager, 3, lengths.length, KEY_HEADS, 600);
            for (int splits : new int[] {1, 3, 8, 17}) {
                AttentionOptions.Builder options =
                        AttentionOptions.builder().optBackend(Backend.CUDA).optSplits(splits);
                NDArray together =
                        FlashAttention.attend(
                                query, key, value, options.optKeyLengths(lengths).build());
                for (int i = 0; i < lengths.length; i++) {
                    NDArray alone =
                            FlashAttention.attend(
                                    row(query, i),
                                    row(key, i),
                                    row(value, i),
                                    options.optKeyLengths(lengths[i]).build());
                    assertArrayEquals(
                            Closeness.toDoubles(alone),
                            Closeness.toDoubles(row(together, i)),
                            "row " + i + " of " + splits + " splits");
                }
            }
        }
    }

    private static long[] longs(int... numbers) {
        return IntStream.of(numbers).asLongStream().toArray();
    }

    /** The last tokens of a row against all of it, each up to itself. */
    private static double[] expected(NDArray query, KvCache cache) {
        NDArray keys = cache.keys();
        int before = (int) (keys.getShape().get(2) - query.getShape().get(2));
        return Fixtures.expected(
                        query,
                        keys,
                        cache.values(),
                        query.zerosLike(),
                        1 / Math.sqrt(HEAD_SIZE),
                        (batch, head, token, key) -> key <= before + token,
                        null)
                .output();
    }

    @Test
    void theDeviceKnowsTheLengths() {
        try (NDManager manager = manager()) {
            KvCache cache = cache(manager, 3);
            NDArray tokens = gaussian(manager, 1, 3, KEY_HEADS, 300);
            cache.append(tokens, tokens, 300, 1, 7);
            NDArray one = tokens.get(":, :, :1");
            for (int i = 0; i < 5; i++) {
                cache.append(one, one);
            }
            assertDeviceLengths(cache, 305, 6, 12);
            cache.truncate(0, 6, 11);
            assertDeviceLengths(cache, 0, 6, 11);
            cache.append(one, one);
            assertDeviceLengths(cache, 1, 7, 12);
        }
    }

    private static void assertDeviceLengths(KvCache cache, int... expected) {
        try (NDArray lengths = cache.deviceLengths()) {
            assertEquals(Device.gpu(), lengths.getDevice());
            assertArrayEquals(expected, lengths.toIntArray());
        }
        assertArrayEquals(longs(expected), cache.lengths());
    }
}
