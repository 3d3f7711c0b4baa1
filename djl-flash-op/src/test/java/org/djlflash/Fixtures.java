package org.djlflash;

import ai.djl.Device;
import ai.djl.engine.Engine;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import ai.djl.training.GradientCollector;
import java.util.List;
import java.util.Random;
import java.util.function.Supplier;
import org.djlflash.testkit.Closeness;
import org.djlflash.testkit.DoubleAttention;

/** Arrays of random numbers, their gradients, and what they should be. */
public final class Fixtures {

    /** The backends that run without a GPU. */
    static final List<Backend> CPU_BACKENDS = List.of(Backend.TORCH_SDPA, Backend.REFERENCE);

    private Fixtures() {}

    /**
     * Opens a manager on the CPU.
     *
     * @return the manager
     */
    public static NDManager manager() {
        return NDManager.newBaseManager(Device.cpu(), "PyTorch");
    }

    /**
     * Draws an array.
     *
     * @param manager its owner
     * @param seed the seed
     * @param sizes its shape
     * @return FLOAT32 numbers, normally distributed
     */
    public static NDArray gaussian(NDManager manager, long seed, long... sizes) {
        Shape shape = new Shape(sizes);
        Random random = new Random(seed);
        float[] values = new float[Math.toIntExact(shape.size())];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) random.nextGaussian();
        }
        return manager.create(values, shape);
    }

    /**
     * Makes an array a parameter.
     *
     * @param array the array
     * @return the array
     */
    public static NDArray leaf(NDArray array) {
        array.setRequiresGradient(true);
        return array;
    }

    /**
     * Runs a computation and the gradients of its weighted sum.
     *
     * @param computation the computation
     * @param weights the gradient of its output
     * @return its output
     */
    public static NDArray backward(Supplier<NDArray> computation, NDArray weights) {
        try (GradientCollector collector = Engine.getEngine("PyTorch").newGradientCollector()) {
            NDArray output = computation.get();
            collector.backward(output.mul(weights).sum());
            return output;
        }
    }

    /**
     * Computes attention and gradients in double precision.
     *
     * @param query shape (B, N, T, H)
     * @param key shape (B, key heads, F, H)
     * @param value shaped as the keys
     * @param weights the gradient of the output
     * @param scale the factor of the scores
     * @param visibility who sees whom
     * @param bias what is added, shape (B, N, T, F), or null
     * @return output and gradients
     */
    public static DoubleAttention.Result expected(
            NDArray query,
            NDArray key,
            NDArray value,
            NDArray weights,
            double scale,
            DoubleAttention.Visibility visibility,
            double[] bias) {
        Shape q = query.getShape();
        Shape k = key.getShape();
        return new DoubleAttention(
                        (int) q.get(0),
                        (int) q.get(1),
                        (int) k.get(1),
                        (int) q.get(2),
                        (int) k.get(2),
                        (int) q.get(3),
                        scale,
                        visibility,
                        bias)
                .run(
                        Closeness.toDoubles(query),
                        Closeness.toDoubles(key),
                        Closeness.toDoubles(value),
                        Closeness.toDoubles(weights));
    }
}
