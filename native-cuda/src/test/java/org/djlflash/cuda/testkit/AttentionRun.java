package org.djlflash.cuda.testkit;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.BiFunction;
import org.djlflash.cuda.launch.AttentionLauncher;
import org.djlflash.cuda.launch.BackwardArguments;
import org.djlflash.cuda.launch.CacheRows;
import org.djlflash.cuda.launch.CudaStream;
import org.djlflash.cuda.launch.DevicePointer;
import org.djlflash.cuda.launch.ForwardArguments;
import org.djlflash.cuda.launch.Randomness;
import org.djlflash.cuda.launch.TensorView;
import org.djlflash.cuda.plan.AttentionPlan;
import org.djlflash.cuda.plan.AttentionPlanner;
import org.djlflash.cuda.plan.AttentionProblem;
import org.djlflash.cuda.plan.AttentionShape;
import org.djlflash.cuda.plan.BiasKind;
import org.djlflash.cuda.plan.DeviceInfo;
import org.djlflash.cuda.plan.ElementType;
import org.djlflash.cuda.plan.TensorLayout;

/**
 * One case on the GPU: random numbers, poisoned gaps and outputs, the launches, the results beside
 * those of the reference. Not thread-safe; owns its GPU memory.
 */
public final class AttentionRun implements AutoCloseable {

    private final AttentionCase attention;
    private final AttentionShape shape;
    private final ElementType type;
    private static final String PAGES = "Pages";

    private final AttentionLauncher launcher;
    private final List<GpuMemory> owned = new ArrayList<>();
    private final Map<String, HostTensor> tensors = new LinkedHashMap<>();
    private final Map<String, GpuMemory> memory = new LinkedHashMap<>();
    private final double[] bias;
    private final AttentionPlan plan;
    private final ForwardArguments forward;
    private final Randomness randomness;
    private final HostPages pages;

    /**
     * Prepares a case for the kernels that are chosen for it.
     *
     * @param attention the case
     */
    public AttentionRun(AttentionCase attention) {
        this(attention, AttentionPlanner::plan, TestGpu.open());
    }

    /**
     * Prepares a case.
     *
     * @param attention the case
     * @param planner what chooses the kernels
     */
    public AttentionRun(
            AttentionCase attention,
            BiFunction<AttentionProblem, DeviceInfo, AttentionPlan> planner) {
        this(attention, planner, TestGpu.open());
    }

    /**
     * Prepares a case for a launcher of its own.
     *
     * @param attention the case
     * @param launcher the launcher, made after {@link TestGpu#open}
     */
    public AttentionRun(AttentionCase attention, AttentionLauncher launcher) {
        this(attention, AttentionPlanner::plan, launcher);
    }

    private AttentionRun(
            AttentionCase attention,
            BiFunction<AttentionProblem, DeviceInfo, AttentionPlan> planner,
            AttentionLauncher launcher) {
        this.launcher = launcher;
        this.attention = attention;
        this.shape = attention.problem().shape();
        this.type = attention.problem().element();
        Random random = new Random(attention.seed());
        query("query", random);
        key("key", random);
        key("value", random);
        pages = attention.problem().cache().isPaged() ? new HostPages(attention) : null;
        if (pages != null) {
            page("key");
            page("value");
        }
        query("output", null);
        bias = attention.problem().bias() == BiasKind.NONE ? null : randomBias(random);
        plan = planner.apply(attention.problem().withLayouts(layouts()), TestGpu.device());
        // Half of the cases read the numbers from GPU memory, as a captured graph would.
        randomness =
                attention.strided()
                        ? new Randomness(own(GpuMemory.of(new long[] {42, 1L << 33})), 0, 0)
                        : Randomness.of(42, 1L << 33);
        forward =
                new ForwardArguments(
                        view("query"),
                        view("key"),
                        view("value"),
                        view("output"),
                        biasView(),
                        own("logSumExp", new GpuMemory(plan.logSumExpBytes())),
                        attention.lengths() == null
                                ? DevicePointer.NULL
                                : own(GpuMemory.of(attention.lengths())),
                        new CacheRows(
                                attention.firstKeys() == null
                                        ? DevicePointer.NULL
                                        : own(GpuMemory.of(attention.firstKeys())),
                                pages == null
                                        ? DevicePointer.NULL
                                        : own(GpuMemory.of(pages.table()))),
                        randomness,
                        own(new GpuMemory(plan.forwardWorkspace().bytes())));
    }

    /** Launches the forward pass. */
    public void forward() {
        launcher.forward(plan, forward, CudaStream.DEFAULT);
    }

    /** Launches the backward pass for a random gradient of the output. */
    public void backward() {
        if (!tensors.containsKey("outputGradient")) {
            query("outputGradient", new Random(attention.seed() + 1));
            query("queryGradient", null);
            key("keyGradient", null);
            key("valueGradient", null);
            own("workspace", new GpuMemory(plan.backwardWorkspace().bytes()));
        }
        launcher.backward(
                plan,
                new BackwardArguments(
                        forward,
                        view("outputGradient"),
                        view("queryGradient"),
                        view("keyGradient"),
                        view("valueGradient"),
                        memory.get("workspace").address()),
                CudaStream.DEFAULT);
    }

    /**
     * Launches the kernel that writes the dropout mask, and reads it.
     *
     * @return [B, query heads, T, F], 1 kept, 0 dropped; null without dropout
     */
    public byte[] kept() {
        if (attention.problem().dropout() == 0) {
            return null;
        }
        byte[] kept = new byte[Math.toIntExact(shape.rows() * shape.keys())];
        try (GpuMemory mask = new GpuMemory(kept.length)) {
            launcher.dropoutMask(plan, randomness, mask.address(), CudaStream.DEFAULT);
            mask.read(kept);
        }
        return kept;
    }

    /**
     * Waits and reads a tensor that a kernel wrote.
     *
     * @param name {@code output}, {@code queryGradient}, {@code keyGradient}, {@code valueGradient}
     * @return its copy on the host
     */
    public HostTensor read(String name) {
        TestGpu.synchronize();
        memory.get(name).read(tensors.get(name).memory());
        return tensors.get(name);
    }

    /**
     * Waits and reads the log-sum-exp.
     *
     * @return [B, query heads, T]
     */
    public float[] readLogSumExp() {
        TestGpu.synchronize();
        float[] values = new float[Math.toIntExact(shape.rows())];
        memory.get("logSumExp").read(values);
        return values;
    }

    /**
     * Computes the same on the host.
     *
     * @param precision how it rounds
     * @return the reference
     */
    public DoubleReference reference(Precision precision) {
        HostTensor gradient = tensors.get("outputGradient");
        return new DoubleReference(
                attention,
                new DoubleReference.Inputs(
                        tensors.get("query").toArray(),
                        tensors.get("key").toArray(),
                        tensors.get("value").toArray(),
                        bias,
                        kept(),
                        gradient == null ? null : gradient.toArray()),
                precision);
    }

    /**
     * Returns the plan.
     *
     * @return what is launched
     */
    public AttentionPlan plan() {
        return plan;
    }

    @Override
    public void close() {
        owned.forEach(GpuMemory::close);
    }

    private void query(String name, Random random) {
        int[] all = new int[shape.batch()];
        Arrays.fill(all, shape.queries());
        add(name, random, new int[shape.batch()], all, shape.queryHeads(), shape.queries());
    }

    /** Keys behind a sequence's length stay poisoned. */
    private void key(String name, Random random) {
        int[] all = new int[shape.batch()];
        Arrays.fill(all, shape.keys());
        int[] used = attention.lengths() == null ? all : attention.lengths();
        int[] first =
                attention.firstKeys() == null ? new int[shape.batch()] : attention.firstKeys();
        add(name, random, first, used, shape.keyHeads(), shape.keys());
    }

    /** The kernels see pages, the reference the rows that these were copied from. */
    private void page(String name) {
        HostTensor scattered = pages.scatter(tensors.get(name));
        tensors.put(name + PAGES, scattered);
        own(name + PAGES, GpuMemory.of(scattered.memory()));
    }

    private void add(String name, Random random, int[] first, int[] used, int heads, int rows) {
        HostTensor tensor =
                new HostTensor(
                        type, attention.strided(), shape.batch(), heads, rows, shape.headSize());
        for (int b = 0; random != null && b < shape.batch(); b++) {
            for (int h = 0; h < heads; h++) {
                for (int r = first[b]; r < used[b]; r++) {
                    for (int c = 0; c < shape.headSize(); c++) {
                        tensor.set(b, h, r, c, random.nextGaussian());
                    }
                }
            }
        }
        tensors.put(name, tensor);
        own(name, GpuMemory.of(tensor.memory()));
    }

    private double[] randomBias(Random random) {
        double[] values = new double[Math.toIntExact(shape.rows() * shape.keys())];
        for (int i = 0; i < values.length; i++) {
            double value = random.nextGaussian();
            values[i] =
                    attention.problem().bias() == BiasKind.ELEMENT
                            ? Precision.round(type, value)
                            : (float) value;
        }
        return values;
    }

    private TensorView biasView() {
        if (bias == null) {
            return TensorView.NONE;
        }
        GpuMemory values;
        if (attention.problem().bias() == BiasKind.FLOAT || type == ElementType.FP32) {
            float[] floats = new float[bias.length];
            for (int i = 0; i < bias.length; i++) {
                floats[i] = (float) bias[i];
            }
            values = GpuMemory.of(floats);
        } else {
            ByteBuffer halves =
                    ByteBuffer.allocate(Short.BYTES * bias.length).order(ByteOrder.nativeOrder());
            for (double value : bias) {
                halves.putShort(Halves.toBits(type, value));
            }
            values = GpuMemory.of(halves.array());
        }
        return new TensorView(
                own(values),
                TensorLayout.contiguous(shape.queryHeads(), shape.queries(), shape.keys()));
    }

    private AttentionProblem.Layouts layouts() {
        return new AttentionProblem.Layouts(
                tensors.get("query").layout(),
                seen("key").layout(),
                seen("value").layout(),
                tensors.get("output").layout());
    }

    /** What the kernels see of a tensor. */
    private HostTensor seen(String name) {
        return tensors.getOrDefault(name + PAGES, tensors.get(name));
    }

    private TensorView view(String name) {
        HostTensor tensor = seen(name);
        return new TensorView(
                memory.getOrDefault(name + PAGES, memory.get(name))
                        .address()
                        .plus(tensor.offsetBytes()),
                tensor.layout());
    }

    private DevicePointer own(String name, GpuMemory allocated) {
        memory.put(name, allocated);
        return own(allocated);
    }

    private DevicePointer own(GpuMemory allocated) {
        owned.add(allocated);
        return allocated.address();
    }
}
