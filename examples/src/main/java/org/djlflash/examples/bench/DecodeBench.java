package org.djlflash.examples.bench;

import ai.djl.engine.EngineException;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import ai.djl.util.Progress;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.IntFunction;
import org.djlflash.cuda.launch.CudaException;
import org.djlflash.cuda.launch.CudaGraph;
import org.djlflash.cuda.launch.CudaStream;
import org.djlflash.cuda.launch.DevicePointer;
import org.djlflash.cuda.launch.GpuRates;
import org.djlflash.cuda.launch.MemoryReader;
import org.djlflash.cuda.launch.PrivateStream;
import org.djlflash.cuda.plan.DeviceInfo;
import org.djlflash.examples.bench.Implementation.Step;
import org.djlflash.torch.ScalarType;
import org.djlflash.torch.Tensor;
import org.djlflash.torch.TorchCuda;
import org.djlflash.torch.TorchLibrary;

/**
 * Measures attention of one new token a row, over caches that are not in the L2 cache when they are
 * read: as many are read in turn as fill it several times.
 *
 * <p>Each backend's calls are captured into a graph and replayed, which leaves the kernels' time;
 * where that fails they are called one by one, and the result says so. Not thread-safe.
 */
public final class DecodeBench {

    private static final ScalarType TYPE = ScalarType.FLOAT16;

    /** A graph holds at least so many calls. */
    private static final int LAUNCHES = 20;

    private final NDManager manager;
    private final DeviceInfo device;
    private final Settings settings;
    private final MemoryReader reader;

    /**
     * What to measure.
     *
     * @param queryHeads the query heads
     * @param keyHeads the key heads, a divisor of them
     * @param headSize the head size
     * @param backends which backends
     * @param warmUp rounds that do not count
     * @param repeats rounds that do
     */
    public record Settings(
            int queryHeads,
            int keyHeads,
            int headSize,
            List<BackendName> backends,
            int warmUp,
            int repeats) {}

    /**
     * What was measured of one case.
     *
     * @param attention the backends
     * @param read the time of a kernel that only reads keys and values, null if nothing was timed
     * @param eager the backends that could not be captured and were called one by one
     */
    public record Result(Measured attention, Timing read, List<BackendName> eager) {}

    /** Takes the results as they come. */
    public interface Listener {

        /**
         * Takes a result.
         *
         * @param c the case
         * @param result the result
         */
        void measured(DecodeCase c, Result result);
    }

    /**
     * Prepares a run.
     *
     * @param manager a manager on the GPU
     * @param device the GPU
     * @param settings what to measure
     */
    public DecodeBench(NDManager manager, DeviceInfo device, Settings settings) {
        this.manager = manager;
        this.device = device;
        this.settings = settings;
        this.reader = new MemoryReader(device, List.of(TorchLibrary.folder()));
    }

    /**
     * Measures cases.
     *
     * @param cases the cases
     * @param listener takes the results
     * @param progress what is told of the progress
     */
    public void run(List<DecodeCase> cases, Listener listener, Progress progress) {
        progress.reset("Measuring", cases.size());
        try (PrivateStream stream = new PrivateStream(device)) {
            // All of it, so that nothing has to wait for another stream.
            TorchCuda.runOn(
                    stream.stream().handle(),
                    device.ordinal(),
                    () -> {
                        int done = 0;
                        for (DecodeCase c : cases) {
                            listener.measured(c, measure(c, stream));
                            progress.update(++done);
                        }
                    });
            stream.synchronize();
        }
        progress.end();
    }

    private Result measure(DecodeCase c, PrivateStream stream) {
        try (NDManager scope = manager.newSubManager();
                Caches caches = new Caches(scope, c);
                MathAttention math =
                        new MathAttention(
                                scope,
                                TYPE,
                                settings.queryHeads / settings.keyHeads,
                                c.keys(),
                                settings.headSize);
                Reference reference = Reference.of(caches.folded.get(0), null, false, scope);
                Stopwatch stopwatch = new Stopwatch(device, caches.folded.get(0).query())) {
            Measured measured = new Measured();
            Map<BackendName, IntFunction<List<Tensor>>> right = new EnumMap<>(BackendName.class);
            for (BackendName backend : settings.backends) {
                IntFunction<List<Tensor>> call = caches.call(backend, math);
                Optional<String> mistake =
                        AttentionBench.mistake(
                                new Contestant(() -> call.apply(0)),
                                results -> caches.mistake(results.get(0), reference));
                mistake.ifPresentOrElse(
                        text -> measured.error(backend, text), () -> right.put(backend, call));
            }
            return time(c, right, caches, stopwatch, stream, measured);
        } catch (RuntimeException e) {
            Measured failed = new Measured();
            settings.backends.forEach(backend -> failed.error(backend, AttentionBench.text(e)));
            return new Result(failed, null, List.of());
        }
    }

    private Result time(
            DecodeCase c,
            Map<BackendName, IntFunction<List<Tensor>>> calls,
            Caches caches,
            Stopwatch stopwatch,
            PrivateStream stream,
            Measured measured) {
        List<BackendName> eager = new ArrayList<>();
        List<CudaGraph> graphs = new ArrayList<>();
        List<Stopwatch.Job> timed = new ArrayList<>();
        try {
            for (Map.Entry<BackendName, IntFunction<List<Tensor>>> call : calls.entrySet()) {
                int before = graphs.size();
                timed.add(caches.contestant(call.getValue(), stream, graphs));
                if (graphs.size() == before) {
                    eager.add(call.getKey());
                }
            }
            timed.add(caches.contestant(caches::read, stream, graphs));
            List<Timing> timings = stopwatch.measure(timed, settings.warmUp, settings.repeats);
            int place = 0;
            for (BackendName backend : calls.keySet()) {
                measured.time(backend, timings.get(place++));
            }
            return new Result(measured, timings.get(place), eager);
        } finally {
            stream.synchronize();
            graphs.forEach(CudaGraph::close);
        }
    }

    /** The caches that are read in turn, heads before tokens as a KvCache keeps them. */
    private final class Caches implements AutoCloseable {

        private final NDManager scope;
        private final List<Tensor> storage = new ArrayList<>();
        private final List<Operands> operands = new ArrayList<>();
        private final List<Operands> folded = new ArrayList<>();
        private final List<AttendCall> attend = new ArrayList<>();
        private final long bytes;

        Caches(NDManager scope, DecodeCase c) {
            this.scope = scope;
            bytes = c.bytes(settings.keyHeads, settings.headSize, TYPE.bytes());
            int buffers = DecodeCase.buffers(bytes, GpuRates.of(device).cacheBytes());
            try {
                for (int i = 0; i < buffers; i++) {
                    add(c);
                }
            } catch (RuntimeException e) {
                // Such as too little memory: the next cases need what is left.
                close();
                throw e;
            }
        }

        private void add(DecodeCase c) {
            long[] sizes = {c.batch(), settings.keyHeads, c.keys(), settings.headSize};
            long row = (long) settings.headSize * c.keys();
            long[] strides = {row * settings.keyHeads, row, settings.headSize, 1};
            Tensor both =
                    random(new Shape(2, c.batch(), settings.keyHeads, c.keys(), settings.headSize));
            storage.add(both);
            Tensor query = random(new Shape(c.batch(), settings.queryHeads, 1, settings.headSize));
            Operands in =
                    new Operands(
                            query,
                            both.view(sizes, strides, 0),
                            both.view(sizes, strides, strides[0] * c.batch()));
            operands.add(in);
            folded.add(
                    new Operands(
                            Views.folded(query, settings.keyHeads),
                            both.view(sizes, strides, 0),
                            both.view(sizes, strides, strides[0] * c.batch())));
            attend.add(
                    AttendCall.of(
                            List.of(array(in.query()), array(in.key()), array(in.value())),
                            TYPE,
                            false));
        }

        private Tensor random(Shape shape) {
            try (NDArray normal = scope.randomNormal(shape);
                    Tensor exact = Tensor.of(normal)) {
                return exact.copy(TYPE);
            }
        }

        private NDArray array(Tensor tensor) {
            return tensor.view(tensor.sizes(), tensor.strides(), 0).toArray(scope);
        }

        private IntFunction<List<Tensor>> call(BackendName backend, MathAttention math) {
            return switch (backend) {
                case OURS -> buffer -> attend.get(buffer).forward();
                case ATTEND -> throw new IllegalArgumentException("ours is attend here");
                case FLASH -> buffer -> output(TorchAttention.FLASH, operands.get(buffer));
                case CUDNN -> buffer -> output(TorchAttention.CUDNN, operands.get(buffer));
                case EFFICIENT -> buffer -> output(TorchAttention.EFFICIENT, folded.get(buffer));
                case EAGER -> buffer -> output(math, folded.get(buffer));
            };
        }

        private static List<Tensor> output(Implementation implementation, Operands in) {
            try (Step step = implementation.forward(in, false)) {
                Tensor output = step.output();
                return List.of(output.view(output.sizes(), output.strides(), 0));
            }
        }

        private Optional<String> mistake(Tensor output, Reference reference) {
            if (output.sizes()[1] == settings.keyHeads) {
                return reference.mistakeInOutput(output);
            }
            try (Tensor view = Views.folded(output, settings.keyHeads)) {
                return reference.mistakeInOutput(view);
            }
        }

        private List<Tensor> read(int buffer) {
            Tensor both = storage.get(buffer);
            Tensor result = Tensor.emptyOnGpu(ScalarType.INT32, device.ordinal(), 1);
            reader.read(
                    new DevicePointer(both.address()),
                    bytes,
                    new DevicePointer(result.address()),
                    new CudaStream(TorchCuda.currentStream(device.ordinal())));
            return List.of(result);
        }

        /** Captures a backend's calls, or enqueues them one by one where that fails. */
        private Stopwatch.Job contestant(
                IntFunction<List<Tensor>> call, PrivateStream stream, List<CudaGraph> graphs) {
            int launches = (LAUNCHES + storage.size() - 1) / storage.size() * storage.size();
            Runnable calls =
                    () -> {
                        for (int i = 0; i < launches; i++) {
                            call.apply(i % storage.size()).forEach(Tensor::close);
                        }
                    };
            // PyTorch's allocator and libraries set themselves up for a stream at its first use.
            calls.run();
            stream.synchronize();
            CudaStream on = stream.stream();
            try {
                CudaGraph graph = CudaGraph.capture(device, on, calls);
                graphs.add(graph);
                return new Stopwatch.Job(() -> graph.launch(on), launches);
            } catch (CudaException | EngineException e) {
                return new Stopwatch.Job(calls, launches);
            }
        }

        @Override
        public void close() {
            operands.forEach(Operands::close);
            folded.forEach(Operands::close);
            storage.forEach(Tensor::close);
        }
    }
}
