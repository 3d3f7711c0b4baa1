package org.djlflash.examples.bench;

import ai.djl.engine.Engine;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.training.GradientCollector;
import ai.djl.util.Progress;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.djlflash.AttentionLayout;
import org.djlflash.AttentionOptions;
import org.djlflash.Backend;
import org.djlflash.FlashAttention;
import org.djlflash.kv.KvCache;
import org.djlflash.torch.TorchLibrary;

/**
 * Measures how long the calling thread is busy with one small call: checking, choosing, allocating
 * and enqueuing, not the kernels, which on a GPU run meanwhile. Not thread-safe.
 */
public final class CallBench {

    private static final Shape HEADS_FIRST = new Shape(1, 4, 64, 64);
    private static final Shape TOKENS_FIRST = new Shape(1, 64, 4, 64);
    private static final Shape TOKEN = new Shape(1, 4, 1, 64);
    private static final int CAPACITY = 4096;

    private final NDManager manager;
    private final DataType type;
    private final Backend ours;

    /**
     * Prepares a run.
     *
     * @param manager a manager on the device to measure
     */
    public CallBench(NDManager manager) {
        this.manager = manager;
        boolean gpu = manager.getDevice().isGpu();
        type = gpu ? DataType.FLOAT16 : DataType.FLOAT32;
        ours = gpu ? Backend.CUDA : Backend.TORCH_SDPA;
    }

    /** One way to call. Whoever opened it closes it. */
    private interface Workload extends AutoCloseable {

        void call();

        default void round(int calls) {
            for (int i = 0; i < calls; i++) {
                call();
            }
        }

        @Override
        default void close() {}
    }

    /**
     * Measures all calls, in turn in each round; the recorded ones after all others, as they
     * register our kernels in the place of PyTorch's flash attention, which then takes another way.
     *
     * @param calls how often each is called in a round
     * @param rounds how many rounds count; a first one does not
     * @param progress what is told of the progress
     * @return microseconds of a call by the name of its kind, the median of the rounds
     */
    public Map<String, Double> run(int calls, int rounds, Progress progress) {
        Map<String, Double> medians = new LinkedHashMap<>();
        List<Map<String, Workload>> groups = List.of(direct(), recorded());
        progress.reset("Measuring", (rounds + 1L) * groups.stream().mapToInt(Map::size).sum());
        try {
            groups.forEach(group -> measure(group, calls, rounds, progress, medians));
        } finally {
            groups.forEach(group -> group.values().forEach(Workload::close));
            progress.end();
        }
        return medians;
    }

    private void measure(
            Map<String, Workload> workloads,
            int calls,
            int rounds,
            Progress progress,
            Map<String, Double> medians) {
        Map<String, double[]> samples = new LinkedHashMap<>();
        for (int round = -1; round < rounds; round++) {
            for (Map.Entry<String, Workload> one : workloads.entrySet()) {
                double time = time(one.getValue(), calls);
                if (round >= 0) {
                    samples.computeIfAbsent(one.getKey(), key -> new double[rounds])[round] = time;
                }
                progress.increment(1);
            }
        }
        samples.forEach((name, times) -> medians.put(name, Statistics.median(times)));
    }

    private double time(Workload workload, int calls) {
        workload.round(1);
        waitForDevice();
        long start = System.nanoTime();
        workload.round(calls);
        double microseconds = (System.nanoTime() - start) / 1e3 / calls;
        waitForDevice();
        return microseconds;
    }

    /** Reading a number waits for all that was enqueued before. */
    private void waitForDevice() {
        try (NDArray number = manager.zeros(new Shape(1), DataType.FLOAT32)) {
            number.getFloat();
        }
    }

    private Map<String, Workload> direct() {
        NDArray headsFirst = random(HEADS_FIRST);
        NDArray tokensFirst = random(TOKENS_FIRST);
        Map<String, Workload> all = new LinkedHashMap<>();
        all.put("NDArray.add", () -> headsFirst.add(headsFirst).close());
        all.put(
                "attend on " + Backend.TORCH_SDPA,
                attend(headsFirst, options(Backend.TORCH_SDPA, AttentionLayout.BNTH)));
        all.put("attend (B, N, T, H)", attend(headsFirst, options(ours, AttentionLayout.BNTH)));
        all.put("attend (B, T, N, H)", attend(tokensFirst, options(ours, AttentionLayout.BTNH)));
        all.put("decode", decode());
        return all;
    }

    private Map<String, Workload> recorded() {
        Map<String, Workload> all = new LinkedHashMap<>();
        all.put(
                "attend (B, N, T, H), recorded",
                recorded(random(HEADS_FIRST), options(ours, AttentionLayout.BNTH)));
        all.put(
                "attend (B, T, N, H), recorded",
                recorded(random(TOKENS_FIRST), options(ours, AttentionLayout.BTNH)));
        return all;
    }

    private static AttentionOptions options(Backend backend, AttentionLayout layout) {
        return AttentionOptions.builder()
                .optCausal(true)
                .optBackend(backend)
                .optLayout(layout)
                .build();
    }

    private NDArray random(Shape shape) {
        try (NDArray normal = manager.randomNormal(shape)) {
            return normal.toType(type, true);
        }
    }

    private static Workload attend(NDArray array, AttentionOptions options) {
        return () -> FlashAttention.attend(array, array, array, options).close();
    }

    /** Forward as training calls it; the graph is dropped at once. */
    private Workload recorded(NDArray array, AttentionOptions options) {
        NDArray parameter = array.duplicate();
        parameter.setRequiresGradient(true);
        return new Workload() {
            @Override
            public void call() {
                FlashAttention.attend(parameter, array, array, options).close();
            }

            @Override
            public void round(int calls) {
                GradientCollector collector =
                        Engine.getEngine(TorchLibrary.ENGINE).newGradientCollector();
                try {
                    Workload.super.round(calls);
                } finally {
                    collector.close();
                }
            }
        };
    }

    private Workload decode() {
        NDArray token = random(TOKEN);
        AttentionOptions options = AttentionOptions.builder().optBackend(ours).build();
        KvCache cache =
                KvCache.builder()
                        .setBatchSize(1)
                        .setHeads((int) TOKEN.get(1))
                        .setHeadSize((int) TOKEN.get(3))
                        .setCapacity(CAPACITY)
                        .optDataType(type)
                        .build(manager);
        return new Workload() {
            @Override
            public void call() {
                if (cache.lengths()[0] == CAPACITY) {
                    cache.truncate(0);
                }
                FlashAttention.decode(token, token, token, cache, options).close();
            }

            @Override
            public void close() {
                cache.close();
            }
        };
    }
}
