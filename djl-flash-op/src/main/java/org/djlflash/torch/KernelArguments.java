package org.djlflash.torch;

import java.util.ArrayList;
import java.util.List;
import java.util.OptionalDouble;
import java.util.OptionalLong;

/**
 * The arguments of one call of a kernel, read in the order of the operator's schema.
 *
 * <p>A kernel owns what it is given: {@link #close()} frees every tensor that was read. Used by one
 * thread.
 */
public final class KernelArguments implements AutoCloseable {

    private final StableStack stack;
    private final long count;
    private final List<Tensor> owned = new ArrayList<>();
    private int next;

    KernelArguments(StableStack stack, long count) {
        this.stack = stack;
        this.count = count;
    }

    /**
     * Reads a tensor.
     *
     * @return the tensor, which may be undefined; freed with these arguments
     */
    public Tensor tensor() {
        return keep(stack.takeTensor(advance()));
    }

    /**
     * Reads an optional tensor.
     *
     * @return the tensor, freed with these arguments, or null for none
     */
    public Tensor optionalTensor() {
        Tensor tensor = stack.takeOptionalTensor(advance());
        return tensor == null ? null : keep(tensor);
    }

    /**
     * Reads an integer.
     *
     * @return the integer
     */
    public long integer() {
        return stack.get(advance());
    }

    /**
     * Reads a real number.
     *
     * @return the number
     */
    public double real() {
        return stack.getReal(advance());
    }

    /**
     * Reads a truth value.
     *
     * @return the truth value
     */
    public boolean flag() {
        return stack.getFlag(advance());
    }

    /**
     * Reads an optional integer.
     *
     * @return the integer, or empty for none
     */
    public OptionalLong optionalInteger() {
        return stack.takeOptionalLong(advance());
    }

    /**
     * Reads an optional real number.
     *
     * @return the number, or empty for none
     */
    public OptionalDouble optionalReal() {
        return stack.takeOptionalReal(advance());
    }

    /**
     * Demands that all arguments not read yet are zero, which for optional ones is "None": a newer
     * PyTorch has arguments that this reader does not know.
     *
     * @throws UnsupportedOperationException if one of them is given
     */
    public void requireRestIsNone() {
        for (int slot = next; slot < count; slot++) {
            if (stack.get(slot) != 0) {
                throw new UnsupportedOperationException(
                        "argument "
                                + slot
                                + " is given, supported are the first "
                                + next
                                + " of "
                                + count);
            }
        }
    }

    private int advance() {
        if (next >= count) {
            throw new UnsupportedOperationException("argument " + next + " is not among " + count);
        }
        return next++;
    }

    private Tensor keep(Tensor tensor) {
        owned.add(tensor);
        return tensor;
    }

    boolean owns(Tensor tensor) {
        return owned.contains(tensor);
    }

    /** Frees the tensors. */
    @Override
    public void close() {
        owned.forEach(Tensor::close);
    }
}
