package org.djlflash.train;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import java.util.List;
import org.djlflash.torch.GradMode;
import org.djlflash.torch.ScalarType;
import org.djlflash.torch.Tensor;

/** Array by array, with DJL's operations. */
final class ArrayMath implements UpdateMath {

    static final ArrayMath INSTANCE = new ArrayMath();

    private static final float SMALL = 1e-6f;

    private ArrayMath() {}

    @Override
    public void lower(List<Twin> twins, ScalarType type) {
        // The copy is not part of what autograd follows: it is a leaf.
        GradMode.off(
                () -> {
                    for (Twin twin : twins) {
                        try (Tensor full = Tensor.lentBy(twin.full());
                                Tensor low = low(twin, full)) {
                            low.copyFrom(full);
                        }
                    }
                    return null;
                });
    }

    @Override
    public void collect(List<Twin> twins, ScalarType type) {
        for (Twin twin : twins) {
            try (Tensor full = Tensor.lentBy(twin.full());
                    Tensor low = low(twin, full);
                    Tensor raised = low.copy(ScalarType.FLOAT32);
                    NDArray addend = raised.toArray(twin.full().getManager())) {
                twin.full().addi(addend);
                low.zero();
            }
        }
    }

    /** The part of the 16-bit array that is the FLOAT32 one's twin. */
    private static Tensor low(Twin twin, Tensor full) {
        try (Tensor all = Tensor.lentBy(twin.low())) {
            return all.view(full.sizes(), full.strides(), twin.offset());
        }
    }

    @Override
    public NDArray factor(List<Gradient> gradients, float scale, float limit, NDManager manager) {
        double squares = 0;
        for (Gradient gradient : gradients) {
            try (NDManager scope = manager.newSubManager()) {
                NDArray values = gradient.values().stopGradient();
                values.attach(scope);
                squares += values.square().sum().getFloat();
            }
        }
        double norm = Math.sqrt(squares) * scale;
        double clip = Math.min(1, limit / (norm + SMALL));
        return manager.create(Double.isFinite(norm) ? (float) (scale * clip) : Float.NaN);
    }

    @Override
    public void adamW(
            List<Gradient> gradients,
            List<Moments> moments,
            NDArray factor,
            float scale,
            AdamWRule rule) {
        float all = factor == null ? scale : scale * factor.getFloat();
        if (Float.isNaN(all)) {
            gradients.forEach(Gradient::zero);
            return;
        }
        for (int i = 0; i < gradients.size(); i++) {
            NDArray weight = gradients.get(i).weight();
            Moments own = moments.get(i);
            weight.getNDArrayInternal()
                    .adamUpdate(
                            new NDList(
                                    weight, gradients.get(i).values(), own.mean(), own.variance()),
                            new NDList(weight),
                            rule.rate(),
                            rule.correctedRate(),
                            rule.decay(),
                            all,
                            -1,
                            rule.beta1(),
                            rule.beta2(),
                            rule.epsilon(),
                            true,
                            true);
            gradients.get(i).zero();
        }
    }
}
