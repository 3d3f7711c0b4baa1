package org.djlflash.examples.bench;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.util.Progress;
import java.util.Collections;
import java.util.List;
import java.util.SplittableRandom;
import org.djlflash.cuda.plan.DeviceInfo;
import org.djlflash.torch.OperatorCall;
import org.djlflash.torch.Tensor;
import org.djlflash.zoo.decoder.DecoderBlock;
import org.djlflash.zoo.decoder.DecoderModel;
import org.djlflash.zoo.generate.CausalLanguageModel.Sequence;
import org.djlflash.zoo.generate.TokenLoop;
import org.djlflash.zoo.generate.sampling.SamplingOptions;

/**
 * Measures the generation of tokens after a prompt, as {@code TextGenerator} has them: several
 * steps on the GPU, then the tokens on the host.
 */
public final class GenerationBench {

    private static final long READ_ELEMENTS = 512L << 20;

    private final NDManager manager;
    private final DeviceInfo device;
    private final Settings settings;

    /**
     * What is measured.
     *
     * @param model the model
     * @param sampling how tokens are chosen
     * @param stepsAtOnce the steps before the host takes the tokens
     * @param warmUp how often these run before they are measured
     * @param repeats how often they are measured
     */
    public record Settings(
            GenerationModel model,
            SamplingOptions sampling,
            int stepsAtOnce,
            int warmUp,
            int repeats) {}

    /**
     * What came of a case.
     *
     * @param microseconds the time of a step, the host's part included
     * @param promptMilliseconds the time of the prompts
     * @param bytes what a step reads: weights, keys and values
     */
    public record Result(double microseconds, double promptMilliseconds, long bytes) {

        /** The time of reading the bytes once. */
        double limitMicroseconds(double gigabytesPerSecond) {
            return bytes / gigabytesPerSecond / 1e3;
        }
    }

    /** Takes what was measured. */
    public interface Listener {

        /**
         * Takes the speed of memory, before all cases.
         *
         * @param gigabytesPerSecond the speed at which PyTorch sums a large array
         */
        void memory(double gigabytesPerSecond);

        /**
         * Takes a case.
         *
         * @param c rows, and the tokens before the first that is measured
         * @param result the result
         */
        void measured(DecodeCase c, Result result);
    }

    /**
     * Prepares.
     *
     * @param manager the owner of all arrays, on the GPU
     * @param device the GPU
     * @param settings what to measure
     */
    public GenerationBench(NDManager manager, DeviceInfo device, Settings settings) {
        this.manager = manager;
        this.device = device;
        this.settings = settings;
    }

    /**
     * Measures cases.
     *
     * @param cases rows, and the tokens before the first that is measured
     * @param listener takes the results
     * @param progress what is told of the progress
     */
    public void run(List<DecodeCase> cases, Listener listener, Progress progress) {
        listener.memory(readSpeed());
        progress.reset("Measuring", cases.size());
        try (DecoderModel<DecoderBlock> model = settings.model.create(manager.newSubManager())) {
            int done = 0;
            for (DecodeCase c : cases) {
                listener.measured(c, measure(model, c));
                progress.update(++done);
            }
        }
        progress.end();
    }

    private double readSpeed() {
        try (NDManager scope = manager.newSubManager()) {
            NDArray array = scope.randomNormal(new Shape(READ_ELEMENTS));
            try (Tensor tensor = Tensor.lentBy(array);
                    Stopwatch stopwatch = new Stopwatch(device, tensor)) {
                Stopwatch.Job sum = new Stopwatch.Job(() -> sum(tensor), 1);
                Timing timing = stopwatch.measure(List.of(sum), 3, 10).get(0);
                return READ_ELEMENTS * Float.BYTES / timing.microseconds() / 1e3;
            }
        }
    }

    private static void sum(Tensor tensor) {
        try (OperatorCall call = new OperatorCall("aten::sum", "")) {
            call.tensor(tensor).none().invoke(1).take(0).close();
        }
    }

    private Result measure(DecoderModel<DecoderBlock> model, DecodeCase c) {
        int steps = settings.stepsAtOnce * (settings.warmUp + settings.repeats);
        try (NDManager scope = manager.newSubManager();
                Sequence sequence = model.newSequence(scope, c.batch(), c.keys() + steps)) {
            long start = System.nanoTime();
            int token = read(model, sequence, c, scope);
            double prompt = (System.nanoTime() - start) / 1e6;
            int[] history = {token};
            TokenLoop.Row row =
                    new TokenLoop.Row(history, settings.sampling, new SplittableRandom(1));
            double[] times = new double[settings.repeats];
            try (TokenLoop loop = sequence.loop(Collections.nCopies(c.batch(), row), true)) {
                for (int i = -settings.warmUp; i < times.length; i++) {
                    long before = System.nanoTime();
                    loop.next(settings.stepsAtOnce);
                    if (i >= 0) {
                        times[i] = (System.nanoTime() - before) / 1e3 / settings.stepsAtOnce;
                    }
                }
            }
            DecoderBlock block = model.block();
            return new Result(
                    Statistics.median(times),
                    prompt,
                    GenerationModel.weightBytes(block)
                            + GenerationModel.cacheBytes(block.config(), c));
        }
    }

    /** Reads random prompts; waits for the GPU. */
    private static int read(
            DecoderModel<?> model, Sequence sequence, DecodeCase c, NDManager scope) {
        try (NDArray ids =
                        scope.randomInteger(
                                0,
                                model.vocabularySize(),
                                new Shape(c.batch(), c.keys()),
                                DataType.INT64);
                NDArray logits = sequence.read(ids);
                NDArray best = logits.argMax(1)) {
            return (int) best.toLongArray()[0];
        }
    }
}
