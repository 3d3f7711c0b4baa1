package org.djlflash;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.djlflash.kv.KvCache;
import org.djlflash.testkit.Closeness;
import org.djlflash.torch.GradMode;
import org.djlflash.torch.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Decoding token by token gives what attending to the whole sequence at once gives. */
class DecodeTest {

    private static final int B = 2;
    private static final int N = 4;
    private static final int TOKENS = 14;
    private static final int PROMPT = 5;
    private static final int H = 8;

    record Case(Backend backend, DataType type, int keyHeads, AttentionLayout layout, int chunk) {}

    static List<Case> cases() {
        List<Case> cases = new ArrayList<>();
        for (AttentionLayout layout : AttentionLayout.values()) {
            for (int chunk : new int[] {1, 3}) {
                for (int keyHeads : new int[] {4, 2, 1}) {
                    for (Backend backend : Fixtures.CPU_BACKENDS) {
                        cases.add(new Case(backend, DataType.FLOAT32, keyHeads, layout, chunk));
                    }
                }
                cases.add(new Case(Backend.TORCH_SDPA, DataType.FLOAT16, 2, layout, chunk));
                cases.add(new Case(Backend.REFERENCE, DataType.FLOAT64, 2, layout, chunk));
            }
        }
        return cases;
    }

    /** A sequence of queries, keys and values, shape (B, heads, tokens, H). */
    private record Sequence(NDArray query, NDArray key, NDArray value) {

        static Sequence of(NDManager manager, long seed, int keyHeads, DataType type) {
            return new Sequence(
                    Fixtures.gaussian(manager, seed, B, N, TOKENS, H).toType(type, false),
                    Fixtures.gaussian(manager, seed + 1, B, keyHeads, TOKENS, H)
                            .toType(type, false),
                    Fixtures.gaussian(manager, seed + 2, B, keyHeads, TOKENS, H)
                            .toType(type, false));
        }

        Sequence part(int from, int to) {
            String index = ":, :, " + from + ":" + to;
            return new Sequence(query.get(index), key.get(index), value.get(index));
        }

        Sequence row(int row, int to) {
            String index = row + ":" + (row + 1) + ", :, :" + to;
            return new Sequence(query.get(index), key.get(index), value.get(index));
        }

        KvCache newCache(NDManager manager, int capacity) {
            return KvCache.builder()
                    .setBatchSize(B)
                    .setHeads((int) key.getShape().get(1))
                    .setHeadSize(H)
                    .setCapacity(capacity)
                    .optDataType(key.getDataType())
                    .build(manager);
        }

        NDArray attend(AttentionOptions options) {
            return FlashAttention.attend(query, key, value, options);
        }

        NDArray decode(KvCache cache, AttentionOptions options) {
            return FlashAttention.decode(query, key, value, cache, options);
        }
    }

    @ParameterizedTest
    @MethodSource("cases")
    void chunksAfterAPromptEqualTheWhole(Case c) {
        try (NDManager manager = Fixtures.manager()) {
            Sequence all = Sequence.of(manager, 1, c.keyHeads, c.type);
            NDArray whole = all.attend(AttentionOptions.builder().optCausal(true).build());
            KvCache cache = all.newCache(manager, TOKENS);
            Sequence prompt = all.part(0, PROMPT);
            NDArray output = prompt.attend(AttentionOptions.builder().optCausal(true).build());
            cache.append(prompt.key, prompt.value);
            AttentionOptions options =
                    AttentionOptions.builder().optBackend(c.backend).optLayout(c.layout).build();
            for (int from = PROMPT; from < TOKENS; from += c.chunk) {
                Sequence part = inLayout(all.part(from, from + c.chunk), c.layout);
                NDArray decoded = part.decode(cache, options);
                assertEquals(c.type, decoded.getDataType());
                assertEquals(part.query.getShape(), decoded.getShape());
                NDArray headsFirst =
                        c.layout == AttentionLayout.BNTH ? decoded : decoded.transpose(0, 2, 1, 3);
                output = output.concat(headsFirst, 2);
            }
            assertArrayEquals(new long[] {TOKENS, TOKENS}, cache.lengths());
            double tolerance = c.type == DataType.FLOAT16 ? 1e-2 : 1e-5;
            Closeness.assertClose("output", Closeness.toDoubles(whole), output, tolerance);
            Closeness.assertClose("keys", Closeness.toDoubles(all.key), cache.keys(), 0);
            Closeness.assertClose("values", Closeness.toDoubles(all.value), cache.values(), 0);
        }
    }

    /** The new keys as a projection gives them: packed, then turned. */
    private static Sequence inLayout(Sequence part, AttentionLayout layout) {
        if (layout == AttentionLayout.BNTH) {
            return part;
        }
        return new Sequence(
                part.query.transpose(0, 2, 1, 3).duplicate(),
                part.key.transpose(0, 2, 1, 3).duplicate(),
                part.value.transpose(0, 2, 1, 3));
    }

    @ParameterizedTest
    @EnumSource(value = Backend.class, names = "CUDA", mode = EnumSource.Mode.EXCLUDE)
    void rowsOfDifferentLengthsDoNotSeeEachOther(Backend backend) {
        int[] prompts = {5, 2};
        for (int chunk : new int[] {1, 3}) {
            try (NDManager manager = Fixtures.manager()) {
                Sequence all = Sequence.of(manager, 4, 2, DataType.FLOAT32);
                // Each row's own tokens begin at 0, so that its padding is what comes next in it.
                KvCache cache = all.newCache(manager, TOKENS);
                Sequence prompt = all.part(0, PROMPT);
                cache.append(prompt.key, prompt.value, prompts[0], prompts[1]);
                AttentionOptions options = AttentionOptions.builder().optBackend(backend).build();
                for (int step = 0; step < 9; step += chunk) {
                    NDArray decoded = next(all, prompts, step, chunk).decode(cache, options);
                    for (int row = 0; row < B; row++) {
                        int end = prompts[row] + step + chunk;
                        NDArray whole =
                                all.row(row, end)
                                        .attend(AttentionOptions.builder().optCausal(true).build());
                        NDArray last = whole.get(":, :, " + (end - chunk) + ":");
                        Closeness.assertClose(
                                "row " + row + " step " + step,
                                Closeness.toDoubles(last),
                                decoded.get(row + ":" + (row + 1)),
                                1e-5);
                    }
                }
                assertArrayEquals(new long[] {14, 11}, cache.lengths());
            }
        }
    }

    /** Each row's tokens that follow its own prompt. */
    private static Sequence next(Sequence all, int[] prompts, int step, int chunk) {
        Sequence[] rows = new Sequence[B];
        for (int row = 0; row < B; row++) {
            int from = prompts[row] + step;
            String index = ":, :, " + from + ":" + (from + chunk);
            Sequence one = all.row(row, from + chunk);
            rows[row] =
                    new Sequence(one.query.get(index), one.key.get(index), one.value.get(index));
        }
        return new Sequence(
                rows[0].query.concat(rows[1].query),
                rows[0].key.concat(rows[1].key),
                rows[0].value.concat(rows[1].value));
    }

    @ParameterizedTest
    @EnumSource(value = Backend.class, names = "CUDA", mode = EnumSource.Mode.EXCLUDE)
    void maskAndBiasCoverTheWholeRow(Backend backend) {
        try (NDManager manager = Fixtures.manager()) {
            Sequence all = Sequence.of(manager, 7, 2, DataType.FLOAT32);
            NDArray bias = Fixtures.gaussian(manager, 10, N, TOKENS, TOKENS);
            boolean[] seen = new boolean[TOKENS];
            for (int i = 0; i < TOKENS; i++) {
                seen[i] = i % 3 != 1;
            }
            NDArray mask = manager.create(seen);
            NDArray whole =
                    all.attend(
                            AttentionOptions.builder()
                                    .optCausal(true)
                                    .optScale(0.2)
                                    .optMask(mask)
                                    .optBias(bias)
                                    .build());
            KvCache cache = all.newCache(manager, TOKENS);
            for (int i = 0; i < TOKENS; i++) {
                String soFar = ":" + (i + 1);
                AttentionOptions options =
                        AttentionOptions.builder()
                                .optScale(0.2)
                                .optBackend(backend)
                                .optMask(mask.get(soFar))
                                .optBias(bias.get(":, " + i + ":" + (i + 1) + ", " + soFar))
                                .build();
                Closeness.assertClose(
                        "token " + i,
                        Closeness.toDoubles(whole.get(":, :, " + i + ":" + (i + 1))),
                        all.part(i, i + 1).decode(cache, options),
                        1e-5);
            }
        }
    }

    @ParameterizedTest
    @EnumSource(value = Backend.class, names = "CUDA", mode = EnumSource.Mode.EXCLUDE)
    void tokensTakenBackLeaveNoTrace(Backend backend) {
        try (NDManager manager = Fixtures.manager()) {
            Sequence all = Sequence.of(manager, 11, 2, DataType.FLOAT32);
            AttentionOptions options = AttentionOptions.builder().optBackend(backend).build();
            KvCache clean = all.newCache(manager, TOKENS);
            KvCache used = all.newCache(manager, TOKENS);
            Sequence prompt = all.part(0, 3);
            clean.append(prompt.key, prompt.value, 3, 1);
            NDArray nan = all.key.mul(Float.NaN);
            used.append(prompt.key, prompt.value, 3, 1);
            used.append(nan, nan, 4, 4);
            used.truncate(3, 1);
            for (int i = 3; i < 6; i++) {
                NDArray expected = all.part(i, i + 1).decode(clean, options);
                NDArray actual = all.part(i, i + 1).decode(used, options);
                Closeness.assertClose("output", Closeness.toDoubles(expected), actual, 0);
            }
        }
    }

    @ParameterizedTest
    @EnumSource(
            value = DataType.class,
            names = {"FLOAT16", "BFLOAT16"})
    void computesInAnotherType(DataType computeType) {
        try (NDManager manager = Fixtures.manager()) {
            Sequence all = Sequence.of(manager, 14, 2, DataType.FLOAT32);
            NDArray whole = all.attend(AttentionOptions.builder().optCausal(true).build());
            KvCache cache = all.newCache(manager, TOKENS);
            AttentionOptions options =
                    AttentionOptions.builder().optComputeType(computeType).build();
            for (int i = 0; i < TOKENS; i++) {
                NDArray output = all.part(i, i + 1).decode(cache, options);
                assertEquals(DataType.FLOAT32, output.getDataType());
                Closeness.assertClose(
                        "token " + i,
                        Closeness.toDoubles(whole.get(":, :, " + i + ":" + (i + 1))),
                        output,
                        5e-2);
            }
        }
    }

    @Test
    void nothingIsRecorded() {
        try (NDManager manager = Fixtures.manager()) {
            Sequence all = Sequence.of(manager, 17, 2, DataType.FLOAT32);
            KvCache cache = all.newCache(manager, TOKENS);
            NDArray leaf = Fixtures.leaf(all.query);
            Fixtures.backward(
                    () -> {
                        NDArray query = leaf.mul(1);
                        assertTrue(GradMode.isRecorded(query));
                        NDArray output =
                                new Sequence(query, all.key, all.value)
                                        .decode(cache, AttentionOptions.defaults());
                        assertTrue(GradMode.isOn());
                        assertFalse(GradMode.isRecorded(output));
                        return leaf.add(output);
                    },
                    manager.ones(leaf.getShape()));
            double[] one = Closeness.toDoubles(manager.ones(leaf.getShape()));
            Closeness.assertClose("gradient", one, leaf.getGradient(), 0);
        }
    }

    /** The backend fails after the keys were appended: its output has no place to go. */
    @ParameterizedTest
    @EnumSource(value = Backend.class, names = "CUDA", mode = EnumSource.Mode.EXCLUDE)
    void aFailureLeavesTheCacheAsItWas(Backend backend) {
        try (NDManager manager = Fixtures.manager()) {
            Sequence all = Sequence.of(manager, 20, 2, DataType.FLOAT32);
            AttentionOptions options = AttentionOptions.builder().optBackend(backend).build();
            KvCache cache = all.newCache(manager, TOKENS);
            Sequence prompt = all.part(0, PROMPT);
            cache.append(prompt.key, prompt.value, 5, 2);
            double[] keys = Closeness.toDoubles(cache.keys());
            double[] values = Closeness.toDoubles(cache.values());
            NDManager capped = manager.newSubManager();
            Sequence next = all.part(PROMPT, PROMPT + 1);
            next.query.attach(capped);
            capped.cap();
            assertThrows(IllegalStateException.class, () -> next.decode(cache, options));
            assertArrayEquals(new long[] {5, 2}, cache.lengths());
            assertArrayEquals(new int[] {5, 2}, cache.deviceLengths().toIntArray());
            Closeness.assertClose("keys", keys, cache.keys(), 0);
            Closeness.assertClose("values", values, cache.values(), 0);
            next.query.attach(manager);
            next.decode(cache, options);
            assertArrayEquals(new long[] {6, 3}, cache.lengths());
        }
    }

    @Test
    void memoryNeitherMovesNorGrows() {
        try (NDManager manager = Fixtures.manager()) {
            int steps = 1000;
            NDArray token = Fixtures.gaussian(manager, 23, B, 2, 1, H);
            KvCache cache =
                    KvCache.builder()
                            .setBatchSize(B)
                            .setHeads(2)
                            .setHeadSize(H)
                            .setCapacity(steps + 1)
                            .build(manager);
            cache.append(token, token);
            NDArray first = cache.keys();
            long address = address(first);
            int arrays = manager.getManagedArrays().size();
            for (int i = 0; i < steps; i++) {
                FlashAttention.decode(token, token, token, cache, AttentionOptions.defaults())
                        .close();
            }
            // The arrays of the cache and of every other manager below are among these.
            assertEquals(arrays, manager.getManagedArrays().size());
            assertEquals(address, address(cache.keys()));
            assertArrayEquals(new long[] {steps + 1, steps + 1}, cache.lengths());
        }
    }

    @Test
    void threadsDecodeAsideOfEachOther() throws InterruptedException {
        int threads = 8;
        ExecutorService executor = Executors.newFixedThreadPool(threads);
        List<Future<?>> results = new ArrayList<>();
        for (int i = 0; i < threads; i++) {
            int seed = 100 * i;
            results.add(executor.submit(() -> decodeAll(seed)));
        }
        executor.shutdown();
        for (Future<?> result : results) {
            try {
                result.get();
            } catch (ExecutionException e) {
                throw new AssertionError(e.getCause());
            }
        }
    }

    private static void decodeAll(int seed) {
        for (int round = 0; round < 20; round++) {
            try (NDManager manager = Fixtures.manager()) {
                Sequence all = Sequence.of(manager, seed + round, 2, DataType.FLOAT32);
                NDArray whole = all.attend(AttentionOptions.builder().optCausal(true).build());
                KvCache cache = all.newCache(manager, TOKENS);
                for (int i = 0; i < TOKENS; i++) {
                    NDArray output = all.part(i, i + 1).decode(cache, AttentionOptions.defaults());
                    Closeness.assertClose(
                            "token " + i,
                            Closeness.toDoubles(whole.get(":, :, " + i + ":" + (i + 1))),
                            output,
                            1e-5);
                }
            }
        }
    }

    private static long address(NDArray array) {
        try (Tensor tensor = Tensor.of(array)) {
            return tensor.address();
        }
    }
}
