package org.djlflash.backend;

import ai.djl.ndarray.NDArray;
import org.djlflash.cuda.launch.TensorView;
import org.djlflash.torch.ScalarType;
import org.djlflash.torch.Tensor;

/**
 * A tensor as the kernels read it, (B, heads, tokens, H): in place where type and rows allow that,
 * else a copy, which is freed with this. The memory read in place is kept alive by whoever gave it.
 * For one thread.
 */
final class Operand implements AutoCloseable {

    private final TensorView view;
    private final Tensor copy;

    private Operand(TensorView view, Tensor copy) {
        this.view = view;
        this.copy = copy;
    }

    /** Of an array of shape (B, heads, tokens, H). */
    static Operand headsFirst(NDArray array, ScalarType type) {
        try (Tensor tensor = Tensor.of(array)) {
            TensorView view = CudaGpu.headsFirst(tensor);
            long[] sizes = tensor.sizes();
            if (array.getDataType() == type.dataType()
                    && view.layout().hasAlignedRows(sizes[0], sizes[1], sizes[2])) {
                return new Operand(view, null);
            }
            Tensor copy = tensor.copy(type);
            return new Operand(CudaGpu.headsFirst(copy), copy);
        }
    }

    /** Of a tensor of shape (B, tokens, heads, H), which keeps its type. */
    static Operand tokensFirst(Tensor tensor) {
        TensorView view = CudaGpu.tokensFirst(tensor);
        long[] sizes = tensor.sizes();
        if (view.layout().hasAlignedRows(sizes[0], sizes[2], sizes[1])) {
            return new Operand(view, null);
        }
        Tensor copy = tensor.copy(tensor.type());
        return new Operand(CudaGpu.tokensFirst(copy), copy);
    }

    TensorView view() {
        return view;
    }

    @Override
    public void close() {
        if (copy != null) {
            copy.close();
        }
    }
}
