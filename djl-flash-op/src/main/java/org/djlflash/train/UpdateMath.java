package org.djlflash.train;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import java.util.List;

/** What an update computes from all gradients at once. */
interface UpdateMath {

    /** Returns the fastest way on a device. */
    static UpdateMath on(Device device) {
        return CudaUpdateMath.isAvailable(device) ? CudaUpdateMath.of(device) : ArrayMath.INSTANCE;
    }

    /**
     * Computes what gradients are multiplied by, so that the norm of all of them is at most a
     * limit.
     *
     * @param gradients the gradients
     * @param scale what they are multiplied by in any case
     * @param limit the limit, perhaps infinity
     * @param manager the owner of the result
     * @return FLOAT32, one element; NaN if a gradient is not finite
     */
    NDArray factor(List<Gradient> gradients, float scale, float limit, NDManager manager);

    /**
     * Makes a step of AdamW, and sets the gradients to zero.
     *
     * @param gradients the gradients
     * @param moments for each gradient the means of itself and of its square
     * @param factor what gradients are multiplied by, one element; parameters and moments stay as
     *     they are if it is NaN; null for 1
     * @param scale what gradients are multiplied by in addition
     * @param rule the numbers
     */
    void adamW(
            List<Gradient> gradients,
            List<Moments> moments,
            NDArray factor,
            float scale,
            AdamWRule rule);
}
