package org.djlflash.cuda.testkit;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.lang.reflect.Field;
import jcuda.NativePointerObject;
import jcuda.Pointer;
import jcuda.driver.CUdeviceptr;
import jcuda.driver.JCudaDriver;
import org.djlflash.cuda.launch.DevicePointer;

/**
 * GPU memory for tests, in the context that is current on the thread. Copies wait for the GPU. Not
 * thread-safe.
 */
public final class GpuMemory implements AutoCloseable {

    private final CUdeviceptr pointer = new CUdeviceptr();

    /**
     * Allocates memory filled with the byte 0xff, which makes every float and half a NaN.
     *
     * @param bytes the size; 0 gives one byte
     */
    public GpuMemory(long bytes) {
        long size = Math.max(1, bytes);
        check(JCudaDriver.cuMemAlloc(pointer, size));
        check(JCudaDriver.cuMemsetD8(pointer, (byte) 0xff, size));
    }

    /**
     * Allocates memory with the content of an array.
     *
     * @param values the content
     * @return the memory
     */
    public static GpuMemory of(byte[] values) {
        return copied(Pointer.to(values), values.length);
    }

    /**
     * Allocates memory with the content of an array.
     *
     * @param values the content
     * @return the memory
     */
    public static GpuMemory of(int[] values) {
        return copied(Pointer.to(values), 4L * values.length);
    }

    /**
     * Allocates memory with the content of an array.
     *
     * @param values the content
     * @return the memory
     */
    public static GpuMemory of(long[] values) {
        return copied(Pointer.to(values), 8L * values.length);
    }

    /**
     * Allocates memory with the content of an array.
     *
     * @param values the content
     * @return the memory
     */
    public static GpuMemory of(float[] values) {
        return copied(Pointer.to(values), 4L * values.length);
    }

    private static GpuMemory copied(Pointer values, long bytes) {
        GpuMemory memory = new GpuMemory(bytes);
        check(JCudaDriver.cuMemcpyHtoD(memory.pointer, values, bytes));
        return memory;
    }

    /**
     * Copies the start of the memory into an array.
     *
     * @param values filled
     */
    public void read(float[] values) {
        check(JCudaDriver.cuMemcpyDtoH(Pointer.to(values), pointer, 4L * values.length));
    }

    /**
     * Copies the start of the memory into an array.
     *
     * @param values filled
     */
    public void read(byte[] values) {
        check(JCudaDriver.cuMemcpyDtoH(Pointer.to(values), pointer, values.length));
    }

    /**
     * Returns the address.
     *
     * @return the first byte
     */
    public DevicePointer address() {
        try {
            Field field = NativePointerObject.class.getDeclaredField("nativePointer");
            field.setAccessible(true);
            return new DevicePointer(field.getLong(pointer));
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException(e);
        }
    }

    @Override
    public void close() {
        check(JCudaDriver.cuMemFree(pointer));
    }

    private static void check(int result) {
        assertEquals(0, result, "CUDA's result of a memory call");
    }
}
