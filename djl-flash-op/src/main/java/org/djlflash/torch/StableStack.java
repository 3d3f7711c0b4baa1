package org.djlflash.torch;

import com.sun.jna.Native;
import com.sun.jna.Pointer;
import java.util.OptionalDouble;
import java.util.OptionalLong;

/**
 * The encoding of PyTorch's stable values in 8-byte slots: tensors as handles, integers as they
 * are, reals as the bits of a double, truth values in the low byte, optionals as null or a pointer
 * to a boxed slot on the C heap that the reader frees.
 */
final class StableStack {

    /**
     * Slots given to each call. A newer libtorch reads arguments that this one does not know, so
     * the stack is larger than any schema and zero: zero reads as "None".
     */
    static final int SLOTS = 32;

    private static final int SLOT_BYTES = Long.BYTES;

    /** The size of a whole stack. */
    static final int BYTES = SLOTS * SLOT_BYTES;

    private final Pointer slots;

    StableStack(Pointer slots) {
        this.slots = slots;
    }

    void set(int slot, long value) {
        slots.setLong((long) slot * SLOT_BYTES, value);
    }

    void setReal(int slot, double value) {
        set(slot, Double.doubleToRawLongBits(value));
    }

    void setFlag(int slot, boolean value) {
        set(slot, value ? 1 : 0);
    }

    void setBoxed(int slot, long value) {
        // C++ frees the box with delete, which is free() for a trivial type.
        Pointer box = new Pointer(Native.malloc(SLOT_BYTES));
        box.setLong(0, value);
        set(slot, Pointer.nativeValue(box));
    }

    long get(int slot) {
        return slots.getLong((long) slot * SLOT_BYTES);
    }

    double getReal(int slot) {
        return Double.longBitsToDouble(get(slot));
    }

    boolean getFlag(int slot) {
        // libtorch 2.7 leaves the upper bytes of a truth value undefined.
        return (get(slot) & 0xff) != 0;
    }

    /** Takes a tensor over; the slot is cleared so that it is never taken twice. */
    Tensor takeTensor(int slot) {
        Tensor tensor = Tensor.own(get(slot));
        set(slot, 0);
        return tensor;
    }

    /** Takes an optional tensor over, or returns null. */
    Tensor takeOptionalTensor(int slot) {
        OptionalLong handle = takeOptionalLong(slot);
        return handle.isPresent() ? Tensor.own(handle.getAsLong()) : null;
    }

    OptionalLong takeOptionalLong(int slot) {
        long address = get(slot);
        if (address == 0) {
            return OptionalLong.empty();
        }
        set(slot, 0);
        long value = new Pointer(address).getLong(0);
        Native.free(address);
        return OptionalLong.of(value);
    }

    OptionalDouble takeOptionalReal(int slot) {
        OptionalLong bits = takeOptionalLong(slot);
        return bits.isPresent()
                ? OptionalDouble.of(Double.longBitsToDouble(bits.getAsLong()))
                : OptionalDouble.empty();
    }
}
