package org.djlflash.torch;

import ai.djl.ndarray.NDArray;
import com.sun.jna.Native;
import com.sun.jna.Pointer;
import java.util.OptionalDouble;
import java.util.OptionalLong;

/**
 * One call of a PyTorch operator through its dispatcher: autograd, device and type dispatch happen
 * as for a call from Python.
 *
 * <p>Arguments are given in the order of the operator's schema, then {@link #invoke(int)} runs it
 * and the results are taken. Whatever is not handed over is freed by {@link #close()}. Not safe for
 * use by many threads; as many calls as wanted may run at once.
 */
public final class OperatorCall implements AutoCloseable {

    private final String operator;
    private final String overload;
    private final StableStack stack;

    /** Of the C heap, without the cleaner of JNA's own memory object: a call is short. */
    private Pointer memory;

    /** Bit i says that slot i owns a tensor handle; boxes are told apart by {@link #boxes}. */
    private int tensors;

    private int boxes;
    private int next;

    /**
     * Prepares a call.
     *
     * @param operator the name with its namespace, for example {@code aten::to}
     * @param overload the overload's name, empty for the default
     */
    public OperatorCall(String operator, String overload) {
        TorchLibrary.ensureAvailable();
        this.operator = operator;
        this.overload = overload;
        this.memory = new Pointer(Native.malloc(StableStack.BYTES));
        this.memory.clear(StableStack.BYTES);
        this.stack = new StableStack(memory);
    }

    /**
     * Adds a tensor.
     *
     * @param array the array
     * @return this call
     */
    public OperatorCall tensor(NDArray array) {
        return own(Tensor.of(array));
    }

    /**
     * Adds a tensor.
     *
     * @param tensor the tensor, which stays the caller's
     * @return this call
     */
    public OperatorCall tensor(Tensor tensor) {
        return own(Tensor.own(tensor.newHandle()));
    }

    private OperatorCall own(Tensor tensor) {
        tensors |= 1 << next;
        stack.set(next++, tensor.release());
        return this;
    }

    /**
     * Adds an optional tensor.
     *
     * @param array the array, or null for none
     * @return this call
     */
    public OperatorCall optionalTensor(NDArray array) {
        if (array == null) {
            return none();
        }
        tensors |= 1 << next;
        return boxed(Tensor.of(array).release());
    }

    /**
     * Adds an integer.
     *
     * @param value the integer
     * @return this call
     */
    public OperatorCall integer(long value) {
        stack.set(next++, value);
        return this;
    }

    /**
     * Adds a real number.
     *
     * @param value the number
     * @return this call
     */
    public OperatorCall real(double value) {
        stack.setReal(next++, value);
        return this;
    }

    /**
     * Adds a truth value.
     *
     * @param value the truth value
     * @return this call
     */
    public OperatorCall flag(boolean value) {
        stack.setFlag(next++, value);
        return this;
    }

    /**
     * Adds an optional real number.
     *
     * @param value the number, or empty
     * @return this call
     */
    public OperatorCall optionalReal(OptionalDouble value) {
        return value.isPresent() ? boxed(Double.doubleToRawLongBits(value.getAsDouble())) : none();
    }

    /**
     * Adds an optional integer.
     *
     * @param value the integer, or empty
     * @return this call
     */
    public OperatorCall optionalInteger(OptionalLong value) {
        return value.isPresent() ? boxed(value.getAsLong()) : none();
    }

    /**
     * Adds "None" for an optional argument.
     *
     * @return this call
     */
    public OperatorCall none() {
        next++;
        return this;
    }

    private OperatorCall boxed(long value) {
        boxes |= 1 << next;
        stack.setBoxed(next++, value);
        return this;
    }

    /**
     * Runs the operator.
     *
     * @param results the number of tensors that the operator returns
     * @return this call, with the results to be taken
     * @throws ai.djl.engine.EngineException if the operator failed
     */
    public OperatorCall invoke(int results) {
        // The dispatcher takes the arguments over, also when the operator then fails.
        tensors = 0;
        boxes = 0;
        TorchLibrary.check(
                TorchAbi.aoti_torch_call_dispatcher(operator, overload, memory), operator);
        tensors = (1 << results) - 1;
        return this;
    }

    /**
     * Takes a result over.
     *
     * @param index the place of the result
     * @return the tensor
     */
    public Tensor take(int index) {
        tensors &= ~(1 << index);
        return stack.takeTensor(index);
    }

    /**
     * Reads a result that is a truth value.
     *
     * @param index the place of the result
     * @return the truth value
     */
    public boolean flag(int index) {
        return stack.getFlag(index);
    }

    /** Frees the arguments of a call that did not happen, or the results that were not taken. */
    @Override
    public void close() {
        for (int slot = 0; (tensors | boxes) >>> slot != 0; slot++) {
            boolean tensor = (tensors >>> slot & 1) != 0;
            if ((boxes >>> slot & 1) != 0) {
                if (tensor) {
                    stack.takeOptionalTensor(slot).close();
                } else {
                    stack.takeOptionalLong(slot);
                }
            } else if (tensor) {
                stack.takeTensor(slot).close();
            }
        }
        tensors = 0;
        boxes = 0;
        if (memory != null) {
            Native.free(Pointer.nativeValue(memory));
            memory = null;
        }
    }
}
