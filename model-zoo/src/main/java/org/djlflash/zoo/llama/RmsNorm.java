package org.djlflash.zoo.llama;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import org.djlflash.torch.ScalarType;
import org.djlflash.torch.TorchOps;

/**
 * Normalisation by the root of the mean square, computed in FLOAT32.
 *
 * <p>The constant is an array made once for a whole forward pass: on a GPU it is a copy from the
 * host.
 *
 * @param epsilon what is added to the mean square, FLOAT32, shape (1)
 * @see <a href="https://arxiv.org/abs/1910.07467">Zhang and Sennrich, Root Mean Square Layer
 *     Normalization, section 4</a>
 */
record RmsNorm(NDArray epsilon) {

    static RmsNorm on(NDManager manager, double epsilon) {
        return new RmsNorm(manager.create(new float[] {(float) epsilon}));
    }

    /**
     * Normalises vectors.
     *
     * @param input shape (..., E)
     * @param weight the factors of the elements, shape (E), of the same type
     * @return shaped as the input
     */
    NDArray apply(NDArray input, NDArray weight) {
        NDManager manager = input.getManager();
        boolean single = input.getDataType() == DataType.FLOAT32;
        NDArray x = single ? input : TorchOps.cast(input, ScalarType.FLOAT32, manager);
        NDArray root = x.square().mean(new int[] {-1}, true).add(epsilon).sqrt();
        NDArray normal = x.div(root);
        return (single ? normal : TorchOps.cast(normal, ScalarType.FLOAT16, manager)).mul(weight);
    }
}
