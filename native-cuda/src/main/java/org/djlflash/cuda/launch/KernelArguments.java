package org.djlflash.cuda.launch;

import com.sun.jna.Native;
import com.sun.jna.Pointer;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * The arguments of a launch in host memory, and the array by which the driver finds them: the
 * struct of {@code params.cuh}, then for kernels that take them the tensor maps and a counter. The
 * driver copies them during the launch; one object a thread is used again and again.
 */
final class KernelArguments {

    private static final int MOST_MAPS = 4;

    private final ParamsWriter struct = new ParamsWriter();
    private final ByteBuffer maps =
            direct(MOST_MAPS * TensorMaps.BYTES + TensorMaps.ALIGNMENT)
                    .alignedSlice(TensorMaps.ALIGNMENT);
    private final ByteBuffer counter = direct(Long.BYTES);
    private final ByteBuffer array = direct(3 * Long.BYTES);
    private final long address = addressOf(array);

    KernelArguments() {
        array.putLong(addressOf(struct.buffer()));
        array.putLong(addressOf(maps)).putLong(addressOf(counter));
    }

    /** Writes the struct; no maps follow. */
    ParamsWriter struct() {
        maps.clear();
        return struct;
    }

    /** Adds a tensor map. */
    void map(byte[] map) {
        maps.put(map);
    }

    /** Sets the counter. */
    void counter(DevicePointer pointer) {
        counter.putLong(0, pointer.address());
    }

    /** Returns the address of the array. */
    long address() {
        return address;
    }

    private static ByteBuffer direct(int bytes) {
        return ByteBuffer.allocateDirect(bytes).order(ByteOrder.nativeOrder());
    }

    private static long addressOf(ByteBuffer buffer) {
        return Pointer.nativeValue(Native.getDirectBufferPointer(buffer));
    }
}
