package org.djlflash.train;

import ai.djl.Model;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import ai.djl.training.GradientCollector;
import ai.djl.training.Trainer;
import ai.djl.training.TrainingConfig;
import ai.djl.training.optimizer.Optimizer;
import java.util.List;
import java.util.Optional;

/**
 * DJL's trainer with the settings of a {@link MixedPrecision}, which makes it.
 *
 * <p>As ever: {@code newGradientCollector}, {@code forward}, {@code backward} of the collector,
 * {@code step} after each batch; {@link ai.djl.training.EasyTrain} does that. Where several batches
 * make an update, the other steps only count. For one thread.
 */
public final class MixedPrecisionTrainer extends Trainer {

    private final MixedPrecision settings;
    private final Optimizer optimizer;
    private final Optional<Recomputation> recomputation;
    private final PrecisionStore store;
    private final LossScale lossScale;
    private Gradients gradients;
    private int batches;

    MixedPrecisionTrainer(Model model, TrainingConfig config, MixedPrecision settings) {
        super(model, config);
        this.settings = settings;
        this.optimizer = config.getOptimizer();
        this.lossScale = settings.newLossScale();
        this.recomputation =
                settings.recompute()
                        ? Optional.of(new Recomputation(getManager()))
                        : Optional.empty();
        this.store =
                new PrecisionStore(getManager(), settings.scalarType(), recomputation.orElse(null));
    }

    /** {@inheritDoc} */
    @Override
    public NDList forward(NDList input) {
        long begin = System.nanoTime();
        NDList output = getModel().getBlock().forward(store, input, true);
        addMetric("forward", begin);
        return output;
    }

    /** {@inheritDoc} */
    @Override
    public NDList forward(NDList data, NDList labels) {
        long begin = System.nanoTime();
        NDList output = getModel().getBlock().forward(store, data, labels, null);
        addMetric("forward", begin);
        return output;
    }

    /** {@inheritDoc} */
    @Override
    public NDList evaluate(NDList input) {
        return getModel().getBlock().forward(store, input, false);
    }

    /** {@inheritDoc} */
    @Override
    public GradientCollector newGradientCollector() {
        GradientCollector collector = super.newGradientCollector();
        recomputation.ifPresent(Recomputation::forget);
        return new GradientCollector() {
            @Override
            public void backward(NDArray loss) {
                float factor = scale() / settings.accumulation();
                if (factor == 1) {
                    collector.backward(loss);
                } else {
                    backwardScaled(loss, factor);
                }
                recomputation.ifPresent(Recomputation::backward);
            }

            /** The factor is filled on the device; a number would wait for a copy. */
            private void backwardScaled(NDArray loss, float factor) {
                try (NDArray by = loss.getManager().full(new Shape(), factor);
                        NDArray scaled = loss.mul(by)) {
                    collector.backward(scaled);
                }
            }

            @Override
            public void zeroGradients() {
                collector.zeroGradients();
            }

            @Override
            public void close() {
                collector.close();
            }
        };
    }

    private float scale() {
        return lossScale == null ? 1 : lossScale.value();
    }

    /** {@inheritDoc} */
    @Override
    public void step() {
        long begin = System.nanoTime();
        store.collect();
        if (++batches < settings.accumulation()) {
            return;
        }
        batches = 0;
        if (gradients == null) {
            gradients = new Gradients(getModel().getBlock(), store::gradient);
        }
        update(gradients.list());
        store.updated();
        addMetric("step", begin);
    }

    private void update(List<Gradient> list) {
        boolean fused = optimizer instanceof FusedAdamW;
        if (fused && lossScale == null && settings.clipNorm() == Float.POSITIVE_INFINITY) {
            ((FusedAdamW) optimizer).update(list, null, 1);
            return;
        }
        try (NDManager scope = getManager().newSubManager()) {
            NDArray factor =
                    UpdateMath.on(scope.getDevice())
                            .factor(list, 1 / scale(), settings.clipNorm(), scope);
            if (fused && lossScale == null) {
                ((FusedAdamW) optimizer).update(list, factor, 1);
                return;
            }
            float known = factor.getFloat();
            boolean finite = !Float.isNaN(known);
            if (lossScale != null) {
                lossScale.update(finite);
            }
            if (!finite) {
                list.forEach(Gradient::zero);
            } else if (fused) {
                ((FusedAdamW) optimizer).update(list, null, known);
            } else {
                updateOneByOne(list, factor, known != 1);
            }
        }
    }

    private void updateOneByOne(List<Gradient> list, NDArray factor, boolean multiply) {
        for (Gradient gradient : list) {
            if (multiply) {
                gradient.values().muli(factor);
            }
            optimizer.update(gradient.id(), gradient.weight(), gradient.values());
            // DJL's optimizers do it for the arrays that autograd keeps.
            gradient.zero();
        }
    }

    /**
     * Returns how many updates were left out because FLOAT16 gradients overflowed. A few at the
     * beginning are as they should be: they find the factor of the loss.
     *
     * @return the number, 0 in other types
     */
    public long skippedUpdates() {
        return lossScale == null ? 0 : lossScale.skipped();
    }

    /**
     * Returns the factor of the loss.
     *
     * @return the factor, 1 in other types than FLOAT16
     */
    public float lossScale() {
        return scale();
    }

    /** {@inheritDoc} */
    @Override
    public void close() {
        if (gradients != null) {
            gradients.close();
        }
        recomputation.ifPresent(Recomputation::forget);
        super.close();
    }
}
