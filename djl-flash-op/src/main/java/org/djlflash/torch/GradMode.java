package org.djlflash.torch;

import ai.djl.ndarray.NDArray;
import java.util.function.Supplier;

/**
 * The recording of gradients on this thread.
 *
 * <p>PyTorch's switch is a thread's own: off on the thread that started DJL's engine, on in every
 * other one. Code that only infers must therefore switch it off itself, or worker threads keep
 * every activation.
 */
public final class GradMode {

    private GradMode() {}

    /**
     * Computes something without recording it.
     *
     * @param computation what to compute
     * @param <T> its result's type
     * @return its result
     */
    public static <T> T off(Supplier<T> computation) {
        boolean before = isOn();
        set(false);
        try {
            return computation.get();
        } finally {
            set(before);
        }
    }

    /**
     * Tells whether operations on this thread are recorded.
     *
     * @return true if they are
     */
    public static boolean isOn() {
        TorchLibrary.ensureAvailable();
        return TorchAbi.aoti_torch_grad_mode_is_enabled() != 0;
    }

    /**
     * Tells whether an operation on an array would be recorded on this thread.
     *
     * @param array a PyTorch array
     * @return true if recording is on and the array is a parameter or was computed from one
     */
    public static boolean isRecorded(NDArray array) {
        if (!isOn()) {
            return false;
        }
        if (array.hasGradient()) {
            return true;
        }
        // DJL's hasGradient() is true for parameters alone; what was computed from one is no leaf.
        try (OperatorCall call = new OperatorCall("aten::is_leaf", "")) {
            return !call.tensor(array).invoke(0).flag(0);
        }
    }

    private static void set(boolean enabled) {
        TorchAbi.aoti_torch_grad_mode_set_enabled((byte) (enabled ? 1 : 0));
    }
}
