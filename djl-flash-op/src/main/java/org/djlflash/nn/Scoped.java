package org.djlflash.nn;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import java.util.function.Function;
import org.djlflash.torch.Tensor;
import org.djlflash.torch.TorchLibrary;

/** A forward pass whose intermediate arrays end with it. */
public final class Scoped {

    private Scoped() {}

    /**
     * Computes on second handles of the inputs: results land in the scope, and the inputs, which
     * other threads may use, are not attached elsewhere for a while as DJL's blocks do.
     *
     * @param owner the manager of the outputs
     * @param inputs the inputs
     * @param computation what to compute from them
     * @return the outputs
     */
    public static NDList compute(
            NDManager owner, NDList inputs, Function<? super NDList, NDList> computation) {
        TorchLibrary.ensureAvailable();
        try (NDManager scope = owner.newSubManager(inputs.head().getDevice())) {
            NDList handles = new NDList(inputs.size());
            for (NDArray input : inputs) {
                handles.add(Tensor.of(input).toArray(scope));
            }
            NDList outputs = computation.apply(handles);
            outputs.attach(owner);
            return outputs;
        }
    }
}
