package org.djlflash;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import ai.djl.Device;
import ai.djl.engine.Engine;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.training.GradientCollector;
import java.io.ByteArrayOutputStream;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import org.djlflash.kv.KvCache;
import org.djlflash.testkit.RequiresGpu;
import org.junit.jupiter.api.Test;

/** Eight threads on one GPU find the bits that one finds. */
@RequiresGpu
class ThreadsGpuTest {

    private static final int THREADS = 8;
    private static final int ROUNDS = 20;
    private static final int HEADS = 4;
    private static final int HEAD_SIZE = 64;

    /** Many blocks of keys add to the gradient of each query. */
    private static final int LONG = 1000;

    private static AttentionOptions.Builder cuda() {
        return AttentionOptions.builder().optBackend(Backend.CUDA);
    }

    @Test
    void forward() throws Exception {
        AttentionOptions options = cuda().optCausal(true).build();
        assertSameBits(
                manager -> {
                    NDArray query = gaussian(manager, 1, 200);
                    NDArray key = gaussian(manager, 2, 200);
                    return List.of(FlashAttention.attend(query, key, key, options));
                });
    }

    /** There is one collector in a process; all threads go backward through it. */
    @Test
    void forwardAndBackward() throws Exception {
        AttentionOptions options = cuda().optCausal(true).optDeterministic(true).build();
        try (GradientCollector collector = Engine.getEngine("PyTorch").newGradientCollector()) {
            assertSameBits(
                    manager -> {
                        NDArray query = Fixtures.leaf(gaussian(manager, 3, LONG));
                        NDArray key = Fixtures.leaf(gaussian(manager, 4, LONG));
                        NDArray value = Fixtures.leaf(gaussian(manager, 5, LONG));
                        NDArray output = FlashAttention.attend(query, key, value, options);
                        collector.backward(output.mul(gaussian(manager, 6, LONG)).sum());
                        return List.of(
                                output,
                                query.getGradient(),
                                key.getGradient(),
                                value.getGradient());
                    });
        }
    }

    @Test
    void decoding() throws Exception {
        AttentionOptions options = cuda().build();
        assertSameBits(
                manager -> {
                    KvCache cache =
                            KvCache.builder()
                                    .setBatchSize(1)
                                    .setHeads(HEADS)
                                    .setHeadSize(HEAD_SIZE)
                                    .setCapacity(1000)
                                    .optDataType(DataType.FLOAT16)
                                    .build(manager);
                    NDArray prompt = gaussian(manager, 7, 990);
                    cache.append(prompt, prompt.neg());
                    List<NDArray> outputs = new ArrayList<>();
                    for (int step = 0; step < 10; step++) {
                        NDArray token = gaussian(manager, 10 + step, 1);
                        outputs.add(FlashAttention.decode(token, token, token, cache, options));
                    }
                    return outputs;
                });
    }

    private static NDArray gaussian(NDManager manager, long seed, int tokens) {
        return Fixtures.gaussian(manager, seed, 1, HEADS, tokens, HEAD_SIZE)
                .toType(DataType.FLOAT16, false);
    }

    private static void assertSameBits(Function<NDManager, List<NDArray>> call) throws Exception {
        ExecutorService threads = Executors.newFixedThreadPool(THREADS);
        try {
            byte[] expected = threads.submit(() -> bits(call)).get(1, TimeUnit.MINUTES);
            CountDownLatch start = new CountDownLatch(THREADS);
            List<Future<Integer>> results = new ArrayList<>();
            for (int i = 0; i < THREADS; i++) {
                results.add(
                        threads.submit(
                                () -> {
                                    start.countDown();
                                    start.await();
                                    for (int round = 0; round < ROUNDS; round++) {
                                        assertArrayEquals(expected, bits(call));
                                    }
                                    return ROUNDS;
                                }));
            }
            for (Future<Integer> result : results) {
                assertEquals(ROUNDS, result.get(1, TimeUnit.MINUTES));
            }
        } finally {
            threads.shutdownNow();
        }
    }

    private static byte[] bits(Function<NDManager, List<NDArray>> call) {
        try (NDManager manager = NDManager.newBaseManager(Device.gpu(), "PyTorch")) {
            ByteArrayOutputStream bits = new ByteArrayOutputStream();
            call.apply(manager).forEach(array -> bits.writeBytes(array.toByteArray()));
            return bits.toByteArray();
        }
    }
}
