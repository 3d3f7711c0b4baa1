package org.djlflash.autograd;

import ai.djl.Device;
import ai.djl.engine.Engine;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.training.GradientCollector;
import java.util.Arrays;
import java.util.OptionalDouble;
import java.util.OptionalLong;
import java.util.Random;
import org.djlflash.testkit.Closeness;
import org.djlflash.testkit.DoubleAttention;

/** Random attention inputs as arrays, with the gradients that double precision expects. */
final class AttentionProblem implements AutoCloseable {

    private static final double SCALE = 0.3;

    private static final double TOLERANCE = 2e-5;

    /** Sizes and masks of a problem; one int each keeps the tables of cases short. */
    record Sizes(
            int batch,
            int heads,
            int keyHeads,
            int queries,
            int keys,
            int headSize,
            boolean causal,
            int... lengths) {

        private boolean sees(int b, int t, int f) {
            int length = lengths.length == 0 ? keys : lengths[b];
            return f < length && (!causal || f <= t + length - queries);
        }

        @Override
        public String toString() {
            return String.format(
                    "B %d, N %d/%d, T %d, F %d, H %d%s%s",
                    batch,
                    heads,
                    keyHeads,
                    queries,
                    keys,
                    headSize,
                    causal ? ", causal" : "",
                    lengths.length == 0 ? "" : ", lengths " + Arrays.toString(lengths));
        }
    }

    static final Sizes SMALL = new Sizes(2, 4, 2, 3, 5, 8, true);

    final NDManager manager = NDManager.newBaseManager(Device.cpu(), "PyTorch");
    final NDArray query;
    final NDArray key;
    final NDArray value;
    final NDArray weights;
    final DoubleAttention.Result expected;
    private final NDArray lengths;
    private final AttentionKernels.Settings settings;
    private final Sizes sizes;

    AttentionProblem(Sizes sizes, long seed) {
        this.sizes = sizes;
        Random random = new Random(seed);
        double[] q = gaussian(random, sizes.heads * sizes.queries);
        double[] k = gaussian(random, sizes.keyHeads * sizes.keys);
        double[] v = gaussian(random, sizes.keyHeads * sizes.keys);
        double[] go = gaussian(random, sizes.heads * sizes.queries);
        expected =
                new DoubleAttention(
                                sizes.batch,
                                sizes.heads,
                                sizes.keyHeads,
                                sizes.queries,
                                sizes.keys,
                                sizes.headSize,
                                SCALE,
                                (b, n, t, f) -> sizes.sees(b, t, f),
                                null)
                        .run(q, k, v, go);
        query = array(q, sizes.heads, sizes.queries);
        key = array(k, sizes.keyHeads, sizes.keys);
        value = array(v, sizes.keyHeads, sizes.keys);
        weights = array(go, sizes.heads, sizes.queries);
        lengths = sizes.lengths.length == 0 ? null : manager.create(sizes.lengths);
        settings = settings(sizes.causal, OptionalDouble.of(SCALE));
    }

    /** A problem whose arrays all require gradients. */
    static AttentionProblem trained(Sizes sizes, long seed) {
        AttentionProblem problem = new AttentionProblem(sizes, seed);
        problem.query.setRequiresGradient(true);
        problem.key.setRequiresGradient(true);
        problem.value.setRequiresGradient(true);
        return problem;
    }

    static AttentionKernels.Settings settings(boolean causal, OptionalDouble scale) {
        return new AttentionKernels.Settings(
                0, causal, scale, OptionalLong.empty(), OptionalLong.empty());
    }

    NDArray attend() {
        return attend(query, key, value);
    }

    /** Attention on arrays of shape (B, heads, tokens, H). */
    NDArray attend(NDArray q, NDArray k, NDArray v) {
        NDArray output =
                AttentionOperator.apply(
                        q.transpose(0, 2, 1, 3),
                        k.transpose(0, 2, 1, 3),
                        v.transpose(0, 2, 1, 3),
                        lengths,
                        settings,
                        manager);
        return output.transpose(0, 2, 1, 3);
    }

    NDArray loss() {
        return attend().mul(weights).sum();
    }

    /** One step as EasyTrain takes it, with clean gradients before. */
    void step() {
        try (GradientCollector collector = collector()) {
            collector.zeroGradients();
            collector.backward(loss());
        }
    }

    static GradientCollector collector() {
        return Engine.getEngine("PyTorch").newGradientCollector();
    }

    void assertOutput(NDArray output) {
        Closeness.assertClose("output", expected.output(), output, TOLERANCE);
    }

    void assertGradients() {
        assertGradients(1);
    }

    void assertGradients(int times) {
        assertGradient("dQ", query, expected.query(), times);
        assertGradient("dK", key, expected.key(), times);
        assertGradient("dV", value, expected.value(), times);
    }

    static void assertGradient(String what, NDArray array, double[] once, int times) {
        double[] all = once.clone();
        for (int i = 0; i < all.length; i++) {
            all[i] *= times;
        }
        Closeness.assertClose(what, all, array.getGradient(), TOLERANCE);
    }

    private double[] gaussian(Random random, int rows) {
        return random.doubles((long) sizes.batch * rows * sizes.headSize)
                .map(ignored -> random.nextGaussian())
                .toArray();
    }

    private NDArray array(double[] values, int heads, int tokens) {
        Shape shape = new Shape(sizes.batch, heads, tokens, sizes.headSize);
        return manager.create(values, shape).toType(DataType.FLOAT32, false);
    }

    @Override
    public void close() {
        manager.close();
    }
}
