package org.djlflash.examples.bench;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import java.util.List;
import org.djlflash.torch.ScalarType;
import org.djlflash.torch.Tensor;

/**
 * Random normal numbers for one case, heads beside each other in memory as a model's projections
 * leave them: shape (B, N, T, H), strides of (B, T, N, H).
 */
final class AttentionInputs implements AutoCloseable {

    private final NDManager manager;
    private final ScalarType type;
    private final Operands operands;
    private final Tensor outputGradient;

    AttentionInputs(NDManager parent, AttentionCase c, ScalarType type) {
        manager = parent.newSubManager();
        this.type = type;
        Shape shape = new Shape(c.batch(), c.tokens(), c.heads(), c.headSize());
        operands = new Operands(random(shape), random(shape), random(shape));
        outputGradient = random(shape);
    }

    private Tensor random(Shape shape) {
        try (NDArray normal = manager.randomNormal(shape);
                Tensor exact = Tensor.of(normal);
                Tensor rounded = exact.copy(type)) {
            return Views.exchanged(rounded, 1, 2);
        }
    }

    NDManager manager() {
        return manager;
    }

    Operands operands() {
        return operands;
    }

    /** A random gradient of the output. */
    Tensor outputGradient() {
        return outputGradient;
    }

    /** The gradient that DJL's collector starts with. */
    Tensor ones() {
        long[] sizes = outputGradient.sizes();
        try (NDArray ones = manager.ones(new Shape(sizes[0], sizes[2], sizes[1], sizes[3]));
                Tensor exact = Tensor.of(ones);
                Tensor rounded = exact.copy(type)) {
            return Views.exchanged(rounded, 1, 2);
        }
    }

    /**
     * The operands as arrays; bfloat16 is no type for arrays, so these are FLOAT32 then. The
     * manager's.
     */
    List<NDArray> arrays() {
        return List.of(array(operands.query()), array(operands.key()), array(operands.value()));
    }

    private NDArray array(Tensor operand) {
        if (type == ScalarType.FLOAT16) {
            return operand.view(operand.sizes(), operand.strides(), 0).toArray(manager);
        }
        try (Tensor tokensFirst = Views.exchanged(operand, 1, 2);
                Tensor wide = tokensFirst.copy(ScalarType.FLOAT32)) {
            return Views.exchanged(wide, 1, 2).toArray(manager);
        }
    }

    @Override
    public void close() {
        operands.close();
        outputGradient.close();
        manager.close();
    }
}
