package org.djlflash.examples.bench;

import ai.djl.Device;
import ai.djl.util.Progress;
import ai.djl.util.cuda.CudaUtils;
import java.util.ArrayList;
import java.util.List;
import org.djlflash.torch.TorchCuda;

/** Measures whole steps of training: forward, backward, update. Not thread-safe. */
public final class TrainingBench {

    private static final int ROUNDS = 3;

    private final Device device;

    /**
     * What a variant needs.
     *
     * @param milliseconds the median of rounds, a step
     * @param bytes the GPU memory that PyTorch took, at most
     */
    public record Cost(double milliseconds, long bytes) {}

    /** Is told of results. */
    @FunctionalInterface
    public interface Listener {

        /**
         * Takes a result.
         *
         * @param variant what was measured
         * @param cost what it needs, or null if it failed
         * @param failure why it failed, or null
         */
        void onResult(TrainingVariant variant, Cost cost, String failure);
    }

    /**
     * Creates a benchmark.
     *
     * @param device where to train
     */
    public TrainingBench(Device device) {
        this.device = device;
    }

    /**
     * Measures the variants one after the other; memory is freed between.
     *
     * @param c the case
     * @param variants the variants
     * @param warmUp steps that do not count
     * @param repeats steps that do, in each of three rounds
     * @param listener told of each variant
     * @param progress what is told of the progress
     */
    public void run(
            TrainingCase c,
            List<TrainingVariant> variants,
            int warmUp,
            int repeats,
            Listener listener,
            Progress progress) {
        progress.reset(c.toString(), variants.size());
        for (TrainingVariant variant : variants) {
            try {
                listener.onResult(variant, measure(c, variant, warmUp, repeats), null);
            } catch (RuntimeException e) {
                listener.onResult(variant, null, e.getMessage());
            }
            progress.increment(1);
        }
        progress.end();
    }

    private Cost measure(TrainingCase c, TrainingVariant variant, int warmUp, int repeats) {
        long before = usedBytes();
        try (TrainingSetup setup = new TrainingSetup(c, variant, device)) {
            for (int i = 0; i < warmUp; i++) {
                setup.step();
            }
            double[] rounds = new double[ROUNDS];
            for (int round = 0; round < ROUNDS; round++) {
                setup.await();
                long start = System.nanoTime();
                for (int i = 0; i < repeats; i++) {
                    setup.step();
                }
                setup.await();
                rounds[round] = (System.nanoTime() - start) / 1e6 / repeats;
            }
            return new Cost(Statistics.median(rounds), reservedBytes() - before);
        }
    }

    /** What is in use when PyTorch keeps nothing for later. */
    private long usedBytes() {
        emptyCache();
        return reservedBytes();
    }

    private void emptyCache() {
        if (device.isGpu()) {
            TorchCuda.emptyCache();
        }
    }

    /** PyTorch gives no memory back of itself, so this is the most that was needed. */
    private long reservedBytes() {
        return device.isGpu() ? CudaUtils.getGpuMemory(device).getUsed() : 0;
    }

    /**
     * Trains without dropout.
     *
     * @param c the case
     * @param variant the variant
     * @param steps how many steps
     * @return the loss of each step
     */
    public List<Float> losses(TrainingCase c, TrainingVariant variant, int steps) {
        emptyCache();
        List<Float> losses = new ArrayList<>();
        try (TrainingSetup setup = new TrainingSetup(c.withDropout(0), variant, device)) {
            for (int i = 0; i < steps; i++) {
                losses.add(setup.stepLoss());
            }
        }
        return losses;
    }
}
