package org.djlflash.backend;

import java.util.ArrayList;
import java.util.List;
import org.djlflash.torch.Tensor;

/** Tensors on their way to somebody else: freed if the way ends early. For one thread. */
final class Handover implements AutoCloseable {

    private final List<Tensor> tensors = new ArrayList<>();

    Tensor keep(Tensor tensor) {
        tensors.add(tensor);
        return tensor;
    }

    /** From now on the tensors are the receiver's. */
    void handOver() {
        tensors.clear();
    }

    @Override
    public void close() {
        tensors.forEach(Tensor::close);
    }
}
