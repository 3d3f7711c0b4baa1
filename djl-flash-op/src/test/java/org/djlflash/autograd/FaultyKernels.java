package org.djlflash.autograd;

import java.util.function.Function;
import java.util.function.Supplier;
import org.djlflash.testkit.JavaAttentionKernels;

/** Right kernels until a fault is set; each fault strikes once. */
class FaultyKernels implements AttentionKernels {

    private final AttentionKernels right = new JavaAttentionKernels();

    /** What forward does instead, or null. */
    Supplier<Forward> forward;

    /** What backward does instead, or null. */
    Function<BackwardArguments, Gradients> backward;

    @Override
    public Forward forward(ForwardArguments arguments) {
        Supplier<Forward> fault = forward;
        forward = null;
        return fault == null ? right.forward(arguments) : fault.get();
    }

    @Override
    public Gradients backward(BackwardArguments arguments) {
        Function<BackwardArguments, Gradients> fault = backward;
        backward = null;
        return fault == null ? right.backward(arguments) : fault.apply(arguments);
    }
}
