package org.djlflash.examples.bench;

import java.util.ArrayList;
import java.util.List;
import org.djlflash.cuda.launch.CudaStream;
import org.djlflash.cuda.launch.CudaTimer;
import org.djlflash.cuda.launch.CudaTimer.Mark;
import org.djlflash.cuda.plan.DeviceInfo;
import org.djlflash.torch.ScalarType;
import org.djlflash.torch.Tensor;
import org.djlflash.torch.TorchCuda;

/**
 * Times jobs in turn, so that all meet the same clocks, by marks in PyTorch's current stream. Each
 * round starts with work that keeps the GPU busy while the host enqueues the rest: what is measured
 * is then the kernels' time. Where the host was too slow all the same, the timing says so. Not
 * thread-safe.
 */
final class Stopwatch implements AutoCloseable {

    private static final long FILLER_BYTES = 256L << 20;
    private static final int FEWEST_FILLERS = 8;
    private static final int MOST_FILLERS = 512;

    /** The GPU is kept busy so many times as long as the host needs. */
    private static final double MARGIN = 2;

    private final int device;
    private final CudaTimer timer;
    private final Tensor filler;

    /** The GPU's time for one filler, and the host's for enqueuing the last round. */
    private final double fillerMilliseconds;

    private double hostMilliseconds;

    /**
     * What is timed.
     *
     * @param work enqueues it
     * @param launches how many computations one call enqueues
     */
    record Job(Runnable work, int launches) {}

    /**
     * Opens a GPU.
     *
     * @param device the GPU
     * @param like a tensor on it
     */
    Stopwatch(DeviceInfo device, Tensor like) {
        this.device = device.ordinal();
        timer = new CudaTimer(device);
        filler = Tensor.empty(ScalarType.UINT8, like, FILLER_BYTES);
        fillerMilliseconds = timeOfFiller();
    }

    /**
     * Measures.
     *
     * @param jobs what is timed
     * @param warmUp rounds that do not count
     * @param repeats rounds that do
     * @return a timing for each job
     */
    List<Timing> measure(List<Job> jobs, int warmUp, int repeats) {
        double[][] samples = new double[jobs.size()][repeats];
        int[] late = new int[jobs.size()];
        for (int round = -warmUp; round < repeats; round++) {
            List<Sample> taken = round(jobs);
            for (int i = 0; i < taken.size(); i++) {
                try (Sample sample = taken.get(i)) {
                    if (round >= 0) {
                        samples[i][round] = sample.microseconds() / jobs.get(i).launches;
                        late[i] += sample.late ? 1 : 0;
                    }
                }
            }
        }
        List<Timing> timings = new ArrayList<>();
        for (int i = 0; i < samples.length; i++) {
            timings.add(new Timing(Statistics.median(samples[i]), 2 * late[i] >= repeats));
        }
        return timings;
    }

    private List<Sample> round(List<Job> jobs) {
        fill();
        long started = System.nanoTime();
        List<Sample> samples = new ArrayList<>();
        for (Job job : jobs) {
            Mark start = mark();
            job.work.run();
            Mark end = mark();
            samples.add(new Sample(start, end, start.isReached()));
        }
        hostMilliseconds = (System.nanoTime() - started) / 1e6;
        return samples;
    }

    /** Keeps the GPU busy for as long as the host will need, by the round before. */
    private void fill() {
        int fillers = (int) Math.ceil(MARGIN * hostMilliseconds / fillerMilliseconds);
        for (int i = 0; i < Math.max(FEWEST_FILLERS, Math.min(MOST_FILLERS, fillers)); i++) {
            filler.zero();
        }
    }

    private double timeOfFiller() {
        filler.zero();
        try (Mark start = mark()) {
            for (int i = 0; i < FEWEST_FILLERS; i++) {
                filler.zero();
            }
            try (Mark end = mark()) {
                return start.millisecondsTo(end) / FEWEST_FILLERS;
            }
        }
    }

    private Mark mark() {
        return timer.mark(new CudaStream(TorchCuda.currentStream(device)));
    }

    /** Late is what the host had not enqueued when the GPU came to it. */
    private record Sample(Mark start, Mark end, boolean late) implements AutoCloseable {

        double microseconds() {
            return 1000 * start.millisecondsTo(end);
        }

        @Override
        public void close() {
            start.close();
            end.close();
        }
    }

    @Override
    public void close() {
        filler.close();
    }
}
