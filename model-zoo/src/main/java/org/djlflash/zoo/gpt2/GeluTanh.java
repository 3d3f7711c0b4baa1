package org.djlflash.zoo.gpt2;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Activation;

/**
 * The approximation of GELU by a hyperbolic tangent, x/2 &middot; (1 + tanh(&radic;(2/&pi;) (x +
 * 0.044715 x&sup3;))), written with the sigmoid: (1 + tanh z) / 2 = sigmoid(2z).
 *
 * <p>DJL offers the exact GELU alone. The two constants are arrays made once for a whole forward
 * pass.
 *
 * @see <a href="https://arxiv.org/abs/1606.08415">Hendrycks and Gimpel, Gaussian Error Linear
 *     Units, section 2</a>
 */
record GeluTanh(NDArray linear, NDArray cubic) {

    private static final float LINEAR = (float) (2 * Math.sqrt(2 / Math.PI));
    private static final float CUBIC = LINEAR * 0.044715f;

    /** Scalars, which turn no array that they meet into one of a wider type. */
    static GeluTanh on(NDManager manager) {
        return new GeluTanh(manager.full(new Shape(), LINEAR), manager.full(new Shape(), CUBIC));
    }

    NDArray apply(NDArray x) {
        NDArray twoZ = x.mul(x).mul(cubic).add(linear).mul(x);
        return x.mul(Activation.sigmoid(twoZ));
    }
}
