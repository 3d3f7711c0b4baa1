package org.djlflash.step;

import ai.djl.Device;
import ai.djl.engine.EngineException;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.djlflash.backend.CudaAvailability;
import org.djlflash.cuda.jit.KernelUnavailableException;
import org.djlflash.cuda.launch.CacheRows;
import org.djlflash.cuda.launch.CudaException;
import org.djlflash.cuda.launch.CudaGraph;
import org.djlflash.cuda.launch.CudaStream;
import org.djlflash.cuda.launch.DevicePointer;
import org.djlflash.cuda.launch.ForwardArguments;
import org.djlflash.cuda.launch.PrivateStream;
import org.djlflash.cuda.launch.Randomness;
import org.djlflash.cuda.launch.StepCall;
import org.djlflash.cuda.launch.TensorView;
import org.djlflash.cuda.plan.AttentionPlan;
import org.djlflash.cuda.plan.AttentionProblem;
import org.djlflash.cuda.plan.AttentionShape;
import org.djlflash.cuda.plan.CacheLayout;
import org.djlflash.cuda.plan.CausalAlignment;
import org.djlflash.cuda.plan.ElementType;
import org.djlflash.cuda.plan.Epilogue;
import org.djlflash.cuda.plan.TensorLayout;
import org.djlflash.kv.KvCache;
import org.djlflash.torch.Tensor;
import org.djlflash.torch.TorchCuda;

/**
 * One step of a language model, in which every row reads one token: launches of our own kernels on
 * fixed memory, which need nothing from the host, captured as one CUDA graph.
 *
 * <p>Memory is safe from PyTorch's allocator: nothing is allocated while the graph is captured, and
 * all that it works on are arrays of the caller, open as long as the step. It is replayed on
 * PyTorch's current stream, so that PyTorch hands the memory of closed arrays on behind it. Sizes
 * that change, such as lengths, are read from the device.
 *
 * <p>Arrays are row-major; vectors are FLOAT16, their sizes multiples of 8. For one thread.
 */
public final class DecodeStep implements AutoCloseable {

    private final StepGpu gpu;
    private final List<Consumer<CudaStream>> launches;

    /** Null if the launches are not captured. */
    private final CudaGraph graph;

    private DecodeStep(Builder builder, boolean captured) {
        gpu = builder.gpu;
        launches = List.copyOf(builder.launches);
        graph = captured ? capture() : null;
    }

    private CudaGraph capture() {
        try (PrivateStream stream = new PrivateStream(gpu.info())) {
            return CudaGraph.capture(gpu.info(), stream.stream(), () -> launch(stream.stream()));
        }
    }

    private void launch(CudaStream stream) {
        launches.forEach(launch -> launch.accept(stream));
    }

    /**
     * Says why there can be no steps of a model on a device.
     *
     * @param device the device
     * @param heads the number of query heads
     * @param cache the cache of a layer
     * @return the reasons, as sentences; empty if there can be
     */
    public static List<String> unsupportedReasons(Device device, int heads, KvCache cache) {
        List<String> reasons = CudaAvailability.reasonsAgainst(device);
        if (!reasons.isEmpty()) {
            return reasons;
        }
        try (NDArray keys = cache.keyMemory()) {
            AttentionShape shape =
                    new AttentionShape(
                            1, heads, cache.heads(), 1, cache.capacity(), cache.headSize());
            TensorLayout rows =
                    AttentionProblem.Layouts.contiguous(
                                    new AttentionShape(1, heads, heads, 1, 1, cache.headSize()))
                            .query();
            TensorLayout memory = Builder.view(keys).layout();
            return StepGpu.unsupportedReasons(
                    device.getDeviceId(),
                    problem(shape)
                            .withCache(layout(cache, keys))
                            .withLayouts(new AttentionProblem.Layouts(rows, memory, memory, rows)));
        }
    }

    private static CacheLayout layout(KvCache cache, NDArray memory) {
        return cache.pageSize() == 0
                ? CacheLayout.CONTIGUOUS
                : new CacheLayout(
                        false, cache.pageSize(), Math.toIntExact(memory.getShape().get(0)));
    }

    /** Of contiguous arrays, as long as nothing else is known. */
    private static AttentionProblem problem(AttentionShape shape) {
        return AttentionProblem.of(ElementType.FP16, shape)
                .withCausal(CausalAlignment.ROW_LENGTH)
                .withKeyLengths(true)
                .withDecode(true);
    }

    /**
     * Begins a step.
     *
     * @param manager the owner of scratch memory, open as long as the step; on a GPU without
     *     reasons against it
     * @param rows the number of rows B
     * @return a builder without launches
     */
    public static Builder builder(NDManager manager, int rows) {
        return new Builder(manager, rows);
    }

    /**
     * Enqueues the step on PyTorch's current stream.
     *
     * @throws EngineException if the driver refuses
     */
    public void run() {
        CudaStream stream = new CudaStream(TorchCuda.currentStream(gpu.info().ordinal()));
        try {
            if (graph == null) {
                launch(stream);
            } else {
                graph.launch(stream);
            }
        } catch (CudaException e) {
            throw new EngineException("a decode step failed: " + e.getMessage(), e);
        }
    }

    /** Frees the graph; steps that were enqueued must be done. Closing twice is harmless. */
    @Override
    public void close() {
        if (graph != null) {
            graph.close();
        }
    }

    /** Collects the launches of a step, in their order. */
    public static final class Builder {

        private final NDManager manager;
        private final int rows;
        private final StepGpu gpu;
        private final List<Consumer<CudaStream>> launches = new ArrayList<>();

        /** Of the last layer that needs some; null for none. */
        private NDArray workspace;

        private Builder(NDManager manager, int rows) {
            this.manager = manager;
            this.rows = rows;
            gpu = StepGpu.of(manager.getDevice().getDeviceId());
        }

        /**
         * Looks up the tokens read, and counts them.
         *
         * @param ids INT32, shape (B)
         * @param lengths the tokens in the cache, INT32, shape (B): counted up to the capacity
         * @param tokens the vectors of the vocabulary, shape (V, E)
         * @param positions the vectors of the positions, shape (at least capacity, E), or null
         * @param hidden shape (B, E), written
         * @param capacity the room of a row in the cache
         * @return this builder
         */
        public Builder embed(
                NDArray ids,
                NDArray lengths,
                NDArray tokens,
                NDArray positions,
                NDArray hidden,
                int capacity) {
            return add(
                    new StepCall.Embed(
                            rows,
                            integers(ids),
                            integers(lengths),
                            vectors(tokens),
                            vectors(positions),
                            vectors(hidden),
                            width(hidden),
                            capacity));
        }

        /**
         * Normalises rows.
         *
         * @param x shape (B, E)
         * @param norm how
         * @param y shape (B, E), written
         * @return this builder
         */
        public Builder norm(NDArray x, Norm norm, NDArray y) {
            return add(
                    new StepCall.Norm(
                            rows,
                            norm.shift() == null,
                            vectors(x),
                            vectors(y),
                            vectors(norm.gain()),
                            vectors(norm.shift()),
                            width(x),
                            (float) norm.epsilon()));
        }

        /**
         * Computes linear layers of the same input, side by side.
         *
         * @param x shape (B, inputs)
         * @param weights 1 to 3; 2 of equal size if one is the other's gate
         * @param epilogue what follows
         * @param y shape (B, at least all outputs), written, or added to
         * @return this builder
         */
        public Builder linear(NDArray x, List<Weight> weights, Epilogue epilogue, NDArray y) {
            List<StepCall.Weight> parts =
                    weights.stream()
                            .map(
                                    part ->
                                            new StepCall.Weight(
                                                    vectors(part.weight()),
                                                    vectors(part.bias()),
                                                    part.outputs()))
                            .toList();
            return add(
                    new StepCall.Linear(
                            rows, vectors(x), vectors(y), parts, width(x), width(y), epilogue));
        }

        /**
         * Appends the keys and values of the tokens read, turning queries and keys by their
         * positions if there are angles.
         *
         * @param queryKeyValue shape (B, (N + 2 cache heads) H)
         * @param cache the cache, whose pages are brought up to date before each run
         * @param lengths INT32, shape (B), the tokens read included
         * @param cosine shape (at least capacity, H / 2), or null
         * @param sine shaped alike
         * @return this builder
         */
        public Builder append(
                NDArray queryKeyValue,
                KvCache cache,
                NDArray lengths,
                NDArray cosine,
                NDArray sine) {
            NDArray pages = cache.devicePages();
            try (NDArray keys = cache.keyMemory();
                    NDArray values = cache.valueMemory()) {
                return add(
                        new StepCall.Append(
                                rows,
                                vectors(queryKeyValue),
                                view(keys),
                                view(values).data(),
                                integers(lengths),
                                vectors(cosine),
                                vectors(sine),
                                integers(pages),
                                cache.pageSize(),
                                pages == null ? 0 : width(pages),
                                heads(queryKeyValue, cache),
                                cache.heads(),
                                cache.headSize()));
            }
        }

        /**
         * Attends the tokens read to all of their row.
         *
         * @param queryKeyValue shape (B, (N + 2 cache heads) H), of which the queries are read
         * @param cache the cache
         * @param lengths INT32, shape (B), numbers from 1 to the bound
         * @param bound what no length exceeds, at most the capacity
         * @param scale the factor of the scores
         * @param output shape (B, N H), written
         * @return this builder
         * @throws IllegalArgumentException with all reasons if no kernel takes the sizes
         */
        public Builder attend(
                NDArray queryKeyValue,
                KvCache cache,
                NDArray lengths,
                int bound,
                double scale,
                NDArray output) {
            int size = cache.headSize();
            TensorView query = row(vectors(queryKeyValue), width(queryKeyValue), size);
            TensorView target = row(vectors(output), width(output), size);
            NDArray pages = cache.devicePages();
            // The columns of the table of pages are those of the capacity.
            int keys = pages == null ? bound : cache.capacity();
            int heads = heads(queryKeyValue, cache);
            AttentionShape shape = new AttentionShape(rows, heads, cache.heads(), 1, keys, size);
            try (NDArray keyMemory = cache.keyMemory();
                    NDArray valueMemory = cache.valueMemory()) {
                TensorView key = view(keyMemory);
                TensorView value = view(valueMemory);
                AttentionProblem problem =
                        problem(shape)
                                .withScale(scale)
                                .withCache(layout(cache, keyMemory))
                                .withLayouts(
                                        new AttentionProblem.Layouts(
                                                query.layout(),
                                                key.layout(),
                                                value.layout(),
                                                target.layout()));
                attend(
                        prepared(() -> gpu.plans().plan(problem)),
                        new ForwardArguments(
                                query,
                                key,
                                value,
                                target,
                                TensorView.NONE,
                                DevicePointer.NULL,
                                integers(lengths),
                                new CacheRows(DevicePointer.NULL, integers(pages)),
                                Randomness.NONE,
                                DevicePointer.NULL));
            }
            return this;
        }

        private void attend(AttentionPlan plan, ForwardArguments withoutWorkspace) {
            ForwardArguments arguments =
                    withoutWorkspace.withWorkspace(workspace(plan.forwardWorkspace().bytes()));
            launches.add(stream -> gpu.attention().forward(plan, arguments, stream));
        }

        /**
         * Chooses the next token of each row.
         *
         * @param logits shape (B, at least V)
         * @param vocabulary V
         * @param choices where tokens are chosen from and put to
         * @return this builder
         */
        public Builder sample(NDArray logits, int vocabulary, ChoiceArrays choices) {
            return add(
                    new StepCall.Sample(
                            rows,
                            vectors(logits),
                            integers(choices.ids()),
                            integers(choices.ring()),
                            integers(choices.lengths()),
                            pointer(choices.rules(), DataType.INT64),
                            pointer(choices.uniforms(), DataType.FLOAT64),
                            pointer(choices.seen(), DataType.UINT8),
                            pointer(choices.values(), DataType.FLOAT32),
                            vocabulary,
                            width(logits),
                            Math.toIntExact(choices.ring().getShape().get(0))));
        }

        /**
         * Ends the step.
         *
         * @param captured whether it becomes a graph; else kernels are launched one by one
         * @return the step
         * @throws EngineException if the driver refuses
         */
        public DecodeStep build(boolean captured) {
            try {
                return new DecodeStep(this, captured);
            } catch (CudaException e) {
                throw new EngineException("a decode step cannot be captured: " + e.getMessage(), e);
            }
        }

        private Builder add(StepCall call) {
            prepared(
                    () -> {
                        gpu.steps().prepare(call);
                        return call;
                    });
            launches.add(stream -> gpu.steps().launch(call, stream));
            return this;
        }

        private static <T> T prepared(Supplier<T> preparation) {
            try {
                return preparation.get();
            } catch (CudaException | KernelUnavailableException e) {
                throw new EngineException("a kernel cannot be loaded: " + e.getMessage(), e);
            }
        }

        /** One for all layers, which run one after the other. */
        private DevicePointer workspace(long bytes) {
            if (bytes == 0) {
                return DevicePointer.NULL;
            }
            if (workspace == null || workspace.size() < bytes) {
                workspace = manager.create(new Shape(bytes), DataType.UINT8);
            }
            return pointer(workspace, DataType.UINT8);
        }

        private static int heads(NDArray queryKeyValue, KvCache cache) {
            return width(queryKeyValue) / cache.headSize() - 2 * cache.heads();
        }

        private static int width(NDArray array) {
            return Math.toIntExact(array.getShape().get(1));
        }

        private static TensorView row(DevicePointer data, int pitch, int headSize) {
            return TensorView.of(data.address(), pitch, headSize, pitch, 1);
        }

        private static TensorView view(NDArray memory) {
            try (Tensor tensor = Tensor.lentBy(memory)) {
                long[] strides = tensor.strides();
                return TensorView.of(
                        tensor.address(), strides[0], strides[1], strides[2], strides[3]);
            }
        }

        private static DevicePointer vectors(NDArray array) {
            return pointer(array, DataType.FLOAT16);
        }

        private static DevicePointer integers(NDArray array) {
            return pointer(array, DataType.INT32);
        }

        private static DevicePointer pointer(NDArray array, DataType type) {
            if (array == null) {
                return DevicePointer.NULL;
            }
            if (array.getDataType() != type) {
                throw new IllegalArgumentException(
                        "an array of " + array.getDataType() + ", allowed is " + type);
            }
            try (Tensor tensor = Tensor.lentBy(array)) {
                if (!Arrays.equals(tensor.strides(), rowMajor(tensor.sizes()))) {
                    throw new IllegalArgumentException(
                            "an array of shape "
                                    + array.getShape()
                                    + " and strides "
                                    + Arrays.toString(tensor.strides())
                                    + ", allowed is row-major order");
                }
                return new DevicePointer(tensor.address());
            }
        }

        private static long[] rowMajor(long... sizes) {
            long[] strides = new long[sizes.length];
            long stride = 1;
            for (int i = sizes.length - 1; i >= 0; i--) {
                strides[i] = stride;
                stride *= sizes[i];
            }
            return strides;
        }
    }
}
