package org.djlflash.train;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import ai.djl.training.ParameterStore;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Random;
import java.util.function.Function;
import org.djlflash.torch.Autograd;
import org.djlflash.torch.GradMode;
import org.djlflash.torch.Tensor;

/**
 * Parts of a model of which only inputs and outputs are kept for backward: what lies between is
 * computed again when backward comes to the part. It takes a third more computing, and the memory
 * of one part at a time.
 *
 * <p>Autograd functions cannot be made from Java, so backward stops at the output of a part, which
 * is a leaf; {@link #backward} then computes the part again, with the same dropout, goes back
 * through it, and on from its inputs.
 *
 * <p>An input that autograd follows must not be the input of another part, too. For one thread.
 *
 * @see <a href="https://arxiv.org/abs/1604.06174">Chen et al., Training Deep Nets with Sublinear
 *     Memory Cost, section 4</a>
 */
public final class Recomputation {

    private static final ThreadLocal<Boolean> AGAIN = ThreadLocal.withInitial(() -> false);

    private final NDManager manager;

    /** Null before the first part: first weights are drawn as without this. */
    private Random seeds;

    private final Deque<Part> parts = new ArrayDeque<>();

    Recomputation(NDManager manager) {
        this.manager = manager;
    }

    /**
     * What is computed again.
     *
     * @param arrays the owner of its arrays
     * @param inputs its inputs
     * @param output what the rest of the model has as its output
     * @param computation computes it
     * @param seed what its dropout begins with
     */
    private record Part(
            NDManager arrays,
            NDList inputs,
            NDArray output,
            Function<NDList, NDArray> computation,
            int seed) {}

    /**
     * Computes a part of a model; with autograd following, it is computed again in backward if the
     * pass's trainer was asked for that.
     *
     * @param ps the pass's parameter store
     * @param inputs the inputs; the computation may use no other arrays but parameters
     * @param computation gives the output, on the manager of the first input
     * @return the output
     */
    public static NDArray run(
            ParameterStore ps, NDList inputs, Function<NDList, NDArray> computation) {
        Recomputation recomputation =
                ps instanceof PrecisionStore ? ((PrecisionStore) ps).recomputation() : null;
        return recomputation == null || !GradMode.isOn() || isAgain()
                ? computation.apply(inputs)
                : recomputation.forward(inputs, computation);
    }

    /**
     * Tells whether a part is being computed again on this thread, so that nothing must be counted
     * twice.
     *
     * @return true if it is
     */
    public static boolean isAgain() {
        return AGAIN.get();
    }

    private NDArray forward(NDList inputs, Function<NDList, NDArray> computation) {
        int seed = nextSeed();
        manager.getEngine().setRandomSeed(seed);
        NDArray output = GradMode.off(() -> computation.apply(inputs));
        output.setRequiresGradient(true);
        NDManager arrays = manager.newSubManager();
        NDList kept = new NDList();
        inputs.forEach(input -> kept.add(Tensor.of(input).toArray(arrays)));
        NDArray leaf = Tensor.of(output).toArray(arrays);
        parts.push(new Part(arrays, kept, leaf, computation, seed));
        return output;
    }

    /** The first is drawn, so that DJL's random seed repeats the dropout. */
    private int nextSeed() {
        if (seeds == null) {
            try (NDManager scope = manager.newSubManager()) {
                NDArray drawn = scope.randomUniform(0, 1 << 24, new Shape(1));
                seeds = new Random((long) drawn.toFloatArray()[0]);
            }
        }
        return seeds.nextInt(Integer.MAX_VALUE);
    }

    /** Goes on where backward has stopped. */
    void backward() {
        while (!parts.isEmpty()) {
            Part part = parts.pop();
            try (NDManager arrays = part.arrays()) {
                Autograd.gradient(part.output())
                        .ifPresent(
                                gradient -> {
                                    gradient.attach(arrays);
                                    backward(part, gradient);
                                });
            }
        }
    }

    private void backward(Part part, NDArray gradient) {
        NDList leaves = new NDList();
        for (NDArray input : part.inputs()) {
            NDArray leaf = input.stopGradient();
            leaf.attach(part.arrays());
            if (GradMode.isRecorded(input)) {
                leaf.setRequiresGradient(true);
            }
            leaves.add(leaf);
        }
        manager.getEngine().setRandomSeed(part.seed());
        AGAIN.set(true);
        try {
            Autograd.backward(part.computation().apply(leaves), gradient);
        } finally {
            AGAIN.set(false);
        }
        for (int i = 0; i < leaves.size(); i++) {
            NDArray input = part.inputs().get(i);
            Autograd.gradient(leaves.get(i))
                    .ifPresent(
                            found -> {
                                found.attach(part.arrays());
                                Autograd.backward(input, found);
                            });
        }
    }

    /** Forgets parts whose backward never came. */
    void forget() {
        parts.forEach(part -> part.arrays().close());
        parts.clear();
    }
}
