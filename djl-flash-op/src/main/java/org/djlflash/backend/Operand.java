package org.djlflash.backend;

import ai.djl.ndarray.NDArray;
import org.djlflash.AttentionLayout;
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

    /** Of an array in a layout, in the type to compute in. */
    static Operand of(NDArray array, AttentionLayout layout, ScalarType type) {
        try (Tensor tensor = Tensor.lentBy(array)) {
            boolean convert = !tensor.isOf(type);
            return of(tensor, layout, convert ? type : null);
        }
    }

    /** Of a tensor of shape (B, tokens, heads, H), in its own type. */
    static Operand tokensFirst(Tensor tensor) {
        return of(tensor, AttentionLayout.BTNH, null);
    }

    /**
     * Of a tensor of shape (B, tokens, heads, H), in its own type and with memory for each row: the
     * gradient of a sum is one number, repeated by strides of 0.
     */
    static Operand tokensFirstUnrepeated(Tensor tensor) {
        long[] sizes = tensor.sizes();
        boolean repeated =
                CudaGpu.view(tensor, AttentionLayout.BTNH)
                        .layout()
                        .repeatsRows(sizes[0], sizes[2], sizes[1]);
        return repeated ? copyOf(tensor, AttentionLayout.BTNH, tensor.type()) : tokensFirst(tensor);
    }

    private static Operand of(Tensor tensor, AttentionLayout layout, ScalarType other) {
        TensorView view = CudaGpu.view(tensor, layout);
        if (other == null && hasAlignedRows(view, tensor, layout)) {
            return new Operand(view, null);
        }
        return copyOf(tensor, layout, other == null ? tensor.type() : other);
    }

    private static Operand copyOf(Tensor tensor, AttentionLayout layout, ScalarType type) {
        Tensor copy = tensor.copy(type);
        return new Operand(CudaGpu.view(copy, layout), copy);
    }

    private static boolean hasAlignedRows(TensorView view, Tensor tensor, AttentionLayout layout) {
        long[] sizes = tensor.sizes();
        boolean headsFirst = layout == AttentionLayout.BNTH;
        return view.layout()
                .hasAlignedRows(
                        CudaOperator.element(tensor.type()),
                        sizes[0],
                        sizes[headsFirst ? 1 : 2],
                        sizes[headsFirst ? 2 : 1]);
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
