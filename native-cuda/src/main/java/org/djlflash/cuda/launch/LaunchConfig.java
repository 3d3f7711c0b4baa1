package org.djlflash.cuda.launch;

import com.sun.jna.Native;
import com.sun.jna.Pointer;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.djlflash.cuda.plan.KernelStep;

/**
 * The driver's {@code CUlaunchConfig} of a kernel whose blocks may start while the kernel before it
 * on the stream ends: with one attribute, programmatic stream serialization. The driver copies it
 * during the launch; one object a thread is used again and again.
 */
final class LaunchConfig {

    private static final int CONFIG_BYTES = 56;
    private static final int ATTRIBUTE_BYTES = 72;
    private static final int ATTRIBUTE_VALUE = 8;
    private static final int PROGRAMMATIC_STREAM_SERIALIZATION = 6;

    private final ByteBuffer attribute = direct(ATTRIBUTE_BYTES);
    private final ByteBuffer config = direct(CONFIG_BYTES);
    private final long attributeAddress = addressOf(attribute);
    private final long address = addressOf(config);

    LaunchConfig() {
        attribute.putInt(0, PROGRAMMATIC_STREAM_SERIALIZATION).putInt(ATTRIBUTE_VALUE, 1);
    }

    /** Returns the address of the configuration of a launch. */
    long of(KernelStep step, CudaStream stream) {
        config.clear();
        config.putInt(Math.toIntExact(step.blocks())).putInt(1).putInt(1);
        config.putInt(step.threads()).putInt(1).putInt(1);
        config.putInt(step.sharedBytes()).putInt(0);
        config.putLong(stream.handle()).putLong(attributeAddress).putInt(1).putInt(0);
        return address;
    }

    private static ByteBuffer direct(int bytes) {
        return ByteBuffer.allocateDirect(bytes).order(ByteOrder.nativeOrder());
    }

    private static long addressOf(ByteBuffer buffer) {
        return Pointer.nativeValue(Native.getDirectBufferPointer(buffer));
    }
}
