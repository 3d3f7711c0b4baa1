package org.djlflash.examples.bench;

import ai.djl.ndarray.NDManager;
import ai.djl.util.Progress;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import java.util.function.Supplier;
import org.djlflash.autograd.AttentionRegistration;
import org.djlflash.cuda.plan.DeviceInfo;
import org.djlflash.examples.bench.Implementation.Step;
import org.djlflash.torch.ScalarType;
import org.djlflash.torch.Tensor;

/**
 * Measures attention of training and of reading a prompt.
 *
 * <p>The training pass comes last: its recorded calls register our kernels in the place of
 * PyTorch's flash attention, which is therefore measured before. There our call on arrays and cuDNN
 * are measured in turn; the others' time is the sum of both directions before. Not thread-safe.
 */
public final class AttentionBench {

    private static final String DISPATCH_KEY = "CUDA";

    /** More scores than this take memory and time that nobody would spend. */
    private static final double LARGEST_SCORES = 2L << 30;

    private static final Set<BackendName> MEASURED_IN_TRAINING =
            EnumSet.of(BackendName.ATTEND, BackendName.CUDNN);

    private final NDManager manager;
    private final DeviceInfo device;
    private final Settings settings;

    /** The results so far: training comes back to those of the passes before it. */
    private final Map<AttentionCase, Map<Pass, Measured>> results = new HashMap<>();

    /**
     * What to measure.
     *
     * @param type FLOAT16, BFLOAT16 or FLOAT32
     * @param passes which passes
     * @param backends which backends
     * @param warmUp rounds that do not count
     * @param repeats rounds that do
     */
    public record Settings(
            ScalarType type,
            List<Pass> passes,
            List<BackendName> backends,
            int warmUp,
            int repeats) {}

    /** Takes the results as they come. */
    public interface Listener {

        /**
         * Takes a result.
         *
         * @param c the case
         * @param pass the pass
         * @param measured the result
         */
        void measured(AttentionCase c, Pass pass, Measured measured);
    }

    /**
     * Prepares a run.
     *
     * @param manager a manager on the GPU
     * @param device the GPU
     * @param settings what to measure
     */
    public AttentionBench(NDManager manager, DeviceInfo device, Settings settings) {
        this.manager = manager;
        this.device = device;
        this.settings = settings;
    }

    /**
     * Measures cases.
     *
     * @param cases the cases
     * @param listener takes the results
     * @param progress what is told of the progress
     */
    public void run(List<AttentionCase> cases, Listener listener, Progress progress) {
        List<Pass> separate = new ArrayList<>(settings.passes);
        boolean training = separate.remove(Pass.TRAINING);
        List<List<Pass>> sweeps = new ArrayList<>();
        if (!separate.isEmpty()) {
            sweeps.add(separate);
        }
        if (training) {
            sweeps.add(List.of(Pass.TRAINING));
        }
        progress.reset("Measuring", (long) sweeps.size() * cases.size());
        int done = 0;
        for (List<Pass> passes : sweeps) {
            for (AttentionCase c : cases) {
                run(c, passes, listener);
                progress.update(++done);
            }
        }
        progress.end();
    }

    private void run(AttentionCase c, List<Pass> passes, Listener listener) {
        Map<Pass, Measured> done = results.computeIfAbsent(c, key -> new EnumMap<>(Pass.class));
        Measured failed = new Measured();
        try {
            run(c, passes, done);
        } catch (RuntimeException e) {
            // Such as too little memory for the reference: the other cases may still fit.
            settings.backends.forEach(backend -> failed.error(backend, text(e)));
        }
        passes.forEach(pass -> listener.measured(c, pass, done.getOrDefault(pass, failed)));
    }

    private void run(AttentionCase c, List<Pass> passes, Map<Pass, Measured> done) {
        try (AttentionInputs inputs = new AttentionInputs(manager, c, settings.type);
                Tensor gradient = passes.contains(Pass.TRAINING) ? inputs.ones() : null;
                Reference reference =
                        Reference.of(
                                inputs.operands(),
                                outputGradient(inputs, gradient, passes),
                                c.causal(),
                                inputs.manager());
                Stopwatch stopwatch = new Stopwatch(device, inputs.outputGradient())) {
            Tensor from = gradient == null ? inputs.outputGradient() : gradient;
            for (Pass pass : passes) {
                Measured measured = new Measured();
                measure(
                        contestants(c, pass, inputs, from, measured),
                        pass,
                        reference,
                        stopwatch,
                        measured);
                if (pass == Pass.TRAINING) {
                    addSums(done, measured);
                }
                done.put(pass, measured);
            }
        }
    }

    private static Tensor outputGradient(AttentionInputs inputs, Tensor ones, List<Pass> passes) {
        if (passes.equals(List.of(Pass.FORWARD))) {
            return null;
        }
        return ones == null ? inputs.outputGradient() : ones;
    }

    /** Adds those that are not measured in training, as the sum of both directions. */
    private void addSums(Map<Pass, Measured> before, Measured training) {
        Measured forward = before.getOrDefault(Pass.FORWARD, new Measured());
        Measured backward = before.getOrDefault(Pass.BACKWARD, new Measured());
        for (BackendName backend : settings.backends) {
            Timing one = forward.timings().get(backend);
            Timing other = backward.timings().get(backend);
            if (!MEASURED_IN_TRAINING.contains(backend) && one != null && other != null) {
                training.time(backend, one.plus(other));
            }
        }
    }

    private void measure(
            Map<BackendName, Contestant> contestants,
            Pass pass,
            Reference reference,
            Stopwatch stopwatch,
            Measured measured) {
        Function<List<Tensor>, Optional<String>> check =
                pass == Pass.FORWARD
                        ? results -> reference.mistakeInOutput(results.get(0))
                        : reference::mistakeInGradients;
        try {
            List<BackendName> right = new ArrayList<>();
            contestants.forEach(
                    (backend, contestant) -> {
                        Optional<String> mistake = mistake(contestant, check);
                        mistake.ifPresentOrElse(
                                text -> measured.error(backend, text), () -> right.add(backend));
                    });
            List<Stopwatch.Job> timed =
                    right.stream()
                            .map(backend -> new Stopwatch.Job(contestants.get(backend)::run, 1))
                            .toList();
            List<Timing> timings = stopwatch.measure(timed, settings.warmUp, settings.repeats);
            for (int i = 0; i < timings.size(); i++) {
                measured.time(right.get(i), timings.get(i));
            }
        } finally {
            contestants.values().forEach(Contestant::close);
        }
    }

    /** Says what is wrong with a contestant's result; empty if nothing is. */
    static Optional<String> mistake(
            Contestant contestant, Function<List<Tensor>, Optional<String>> check) {
        try {
            List<Tensor> results = contestant.compute();
            try {
                return check.apply(results);
            } finally {
                results.forEach(Tensor::close);
            }
        } catch (RuntimeException e) {
            return Optional.of(text(e));
        }
    }

    /** An error on one line. */
    static String text(Throwable e) {
        String text = e.getMessage() == null ? e.toString() : e.getMessage();
        return text.lines().findFirst().orElse(text);
    }

    private Map<BackendName, Contestant> contestants(
            AttentionCase c,
            Pass pass,
            AttentionInputs inputs,
            Tensor gradient,
            Measured measured) {
        Map<BackendName, Contestant> contestants = new EnumMap<>(BackendName.class);
        for (BackendName backend : settings.backends) {
            if (pass == Pass.TRAINING && !MEASURED_IN_TRAINING.contains(backend)) {
                continue;
            }
            if (!backend.takes(settings.type)) {
                continue;
            }
            try {
                contestant(backend, c, pass, inputs, gradient)
                        .ifPresent(contestant -> contestants.put(backend, contestant));
            } catch (RuntimeException e) {
                measured.error(backend, text(e));
            }
        }
        return contestants;
    }

    private Optional<Contestant> contestant(
            BackendName backend,
            AttentionCase c,
            Pass pass,
            AttentionInputs inputs,
            Tensor gradient) {
        return switch (backend) {
            case OURS -> Optional.of(of(new OurKernels(), () -> {}, c, pass, inputs, gradient));
            case ATTEND -> attend(c, pass, inputs);
            case FLASH -> Optional.of(flash(c, pass, inputs, gradient));
            case CUDNN ->
                    Optional.of(of(TorchAttention.CUDNN, () -> {}, c, pass, inputs, gradient));
            case EFFICIENT ->
                    Optional.of(of(TorchAttention.EFFICIENT, () -> {}, c, pass, inputs, gradient));
            case EAGER -> eager(c, pass, inputs, gradient);
        };
    }

    private Optional<Contestant> attend(AttentionCase c, Pass pass, AttentionInputs inputs) {
        if (pass == Pass.BACKWARD) {
            return Optional.empty();
        }
        AttendCall call = AttendCall.of(inputs.arrays(), settings.type, c.causal());
        return Optional.of(new Contestant(pass == Pass.FORWARD ? call::forward : call::training));
    }

    private static Contestant flash(
            AttentionCase c, Pass pass, AttentionInputs inputs, Tensor gradient) {
        if (AttentionRegistration.isInstalled(DISPATCH_KEY)) {
            throw new IllegalStateException("our kernels are registered in its place");
        }
        return of(TorchAttention.FLASH, () -> {}, c, pass, inputs, gradient);
    }

    private Optional<Contestant> eager(
            AttentionCase c, Pass pass, AttentionInputs inputs, Tensor gradient) {
        if (c.scoreBytes(settings.type.bytes()) > LARGEST_SCORES) {
            return Optional.empty();
        }
        MathAttention math =
                new MathAttention(
                        inputs.manager(), settings.type, c.tokens(), c.tokens(), c.headSize());
        return Optional.of(of(math, math, c, pass, inputs, gradient));
    }

    private static Contestant of(
            Implementation implementation,
            AutoCloseable kept,
            AttentionCase c,
            Pass pass,
            AttentionInputs inputs,
            Tensor gradient) {
        Operands in = inputs.operands();
        Supplier<Step> forward = () -> implementation.forward(in, c.causal());
        return switch (pass) {
            case FORWARD -> new Contestant(() -> output(forward.get()), kept);
            case BACKWARD -> {
                Step step = forward.get();
                yield new Contestant(
                        () -> step.gradients(gradient),
                        () -> {
                            step.close();
                            kept.close();
                        });
            }
            case TRAINING -> new Contestant(() -> gradients(forward.get(), gradient), kept);
        };
    }

    private static List<Tensor> output(Step done) {
        try (done) {
            Tensor output = done.output();
            return List.of(output.view(output.sizes(), output.strides(), 0));
        }
    }

    private static List<Tensor> gradients(Step done, Tensor outputGradient) {
        try (done) {
            return done.gradients(outputGradient);
        }
    }
}
