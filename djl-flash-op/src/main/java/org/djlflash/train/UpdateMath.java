package org.djlflash.train;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import java.util.List;
import org.djlflash.backend.CudaAvailability;
import org.djlflash.torch.ScalarType;

/** What an update computes from all gradients at once. */
interface UpdateMath {

    /** Returns the fastest way on a device. */
    static UpdateMath on(Device device) {
        return CudaAvailability.reasonsAgainst(device).isEmpty()
                ? CudaUpdateMath.of(device)
                : ArrayMath.INSTANCE;
    }

    /**
     * Copies parameters to 16 bits.
     *
     * @param twins the parameters and their copies
     * @param type the type of the copies
     */
    void lower(List<Twin> twins, ScalarType type);

    /**
     * Adds gradients of 16 bits to FLOAT32 ones, and sets them to zero.
     *
     * @param twins the gradients
     * @param type the type of 16 bits
     */
    void collect(List<Twin> twins, ScalarType type);

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
