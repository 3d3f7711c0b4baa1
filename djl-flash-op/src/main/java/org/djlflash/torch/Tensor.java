package org.djlflash.torch;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.engine.PtNDManager;
import com.sun.jna.Pointer;
import java.util.Arrays;

/**
 * A PyTorch tensor by its handle, owned unless it is lent by an array: closing it frees the handle,
 * not necessarily the storage, which other tensors may share.
 *
 * <p>Not safe for use by many threads. Views and copies made here are not recorded by autograd; use
 * {@link OperatorCall} for what must be differentiable.
 */
public final class Tensor implements AutoCloseable {

    private static final int DEVICE_TYPE_CPU = 0;
    private static final int DEVICE_TYPE_CUDA = 1;

    private long handle;

    /** Whether the handle is another's, who frees it. */
    private final boolean lent;

    // Asked for once: nothing here resizes a tensor.
    private long[] sizes;
    private long[] strides;

    private Tensor(long handle, boolean lent, long[] sizes, long[] strides) {
        this.handle = handle;
        this.lent = lent;
        this.sizes = sizes;
        this.strides = strides;
    }

    /** Takes over a handle that the caller owns. */
    static Tensor own(long handle) {
        return new Tensor(handle, false, null, null);
    }

    /**
     * Makes a second handle of an array's tensor.
     *
     * @param array a PyTorch array
     * @return the tensor; autograd sees the same one
     * @throws IllegalStateException if the array is closed
     */
    public static Tensor of(NDArray array) {
        TorchLibrary.ensureAvailable();
        return new Tensor(
                newHandle(((PtNDArray) array).getHandle()),
                false,
                array.getShape().getShape(),
                null);
    }

    /**
     * Looks at an array's tensor without a handle of its own.
     *
     * @param array a PyTorch array, which must stay open as long as the tensor is used
     * @return the tensor; closing it frees nothing
     * @throws IllegalStateException if the array is closed
     */
    public static Tensor lentBy(NDArray array) {
        TorchLibrary.ensureAvailable();
        return new Tensor(((PtNDArray) array).getHandle(), true, array.getShape().getShape(), null);
    }

    /**
     * Allocates a tensor whose elements are not set, in row-major order.
     *
     * @param type the element type
     * @param like a tensor on the device wanted
     * @param sizes the shape
     * @return the tensor
     */
    public static Tensor empty(ScalarType type, Tensor like, long... sizes) {
        return empty(type, like.deviceType(), like.deviceIndex(), sizes, rowMajorStrides(sizes));
    }

    /**
     * Allocates a tensor on a GPU whose elements are not set.
     *
     * @param type the element type
     * @param device the number of the GPU
     * @param sizes the shape
     * @param strides the strides, in elements
     * @return the tensor
     */
    public static Tensor emptyOnGpu(ScalarType type, int device, long[] sizes, long[] strides) {
        return empty(type, DEVICE_TYPE_CUDA, device, sizes, strides);
    }

    /**
     * Allocates a tensor on a GPU whose elements are not set, in row-major order.
     *
     * @param type the element type
     * @param device the number of the GPU
     * @param sizes the shape
     * @return the tensor
     */
    public static Tensor emptyOnGpu(ScalarType type, int device, long... sizes) {
        return empty(type, DEVICE_TYPE_CUDA, device, sizes, rowMajorStrides(sizes));
    }

    /**
     * Copies numbers to a new tensor in host memory.
     *
     * @param numbers the elements
     * @return the tensor, of type INT64
     */
    public static Tensor onCpu(long... numbers) {
        long[] sizes = {numbers.length};
        Tensor tensor = empty(ScalarType.INT64, DEVICE_TYPE_CPU, -1, sizes, rowMajorStrides(sizes));
        tensor.hostPointer().write(0, numbers, 0, numbers.length);
        return tensor;
    }

    private static Tensor empty(
            ScalarType type, int deviceType, int deviceIndex, long[] sizes, long[] strides) {
        TorchLibrary.ensureAvailable();
        long[] out = new long[1];
        int status =
                TorchAbi.aoti_torch_empty_strided(
                        sizes.length, sizes, strides, type.code(), deviceType, deviceIndex, out);
        if (status != 0) {
            // Most often memory is short: say of how much.
            TorchLibrary.check(
                    status, "aoti_torch_empty_strided of " + type + " " + Arrays.toString(sizes));
        }
        return new Tensor(out[0], false, sizes, strides);
    }

    /** Made on first use, when the library is there. */
    private static final class Nothing {

        static final Tensor TENSOR =
                empty(ScalarType.FLOAT32, DEVICE_TYPE_CPU, -1, new long[1], new long[] {1});

        private Nothing() {}
    }

    /**
     * Returns a tensor without elements, shape (0), in host memory: another handle of the same one
     * at every call.
     *
     * @return the tensor
     */
    public static Tensor emptyOnCpu() {
        TorchLibrary.ensureAvailable();
        return new Tensor(Nothing.TENSOR.newHandle(), false, Nothing.TENSOR.sizes, null);
    }

    /**
     * Makes an undefined tensor: what PyTorch calls "None" where a tensor is expected.
     *
     * @return the tensor
     */
    public static Tensor undefined() {
        long[] out = new long[1];
        TorchLibrary.check(
                TorchAbi.aoti_torch_new_uninitialized_tensor(out),
                "aoti_torch_new_uninitialized_tensor");
        return own(out[0]);
    }

    /**
     * Makes a view of the same storage.
     *
     * @param sizes the view's shape
     * @param strides the view's strides, in elements
     * @param offset the view's first element, counted in elements from this tensor's first
     * @return the view
     */
    public Tensor view(long[] sizes, long[] strides, long offset) {
        long[] out = new long[1];
        TorchLibrary.check(
                TorchAbi.aoti_torch__reinterpret_tensor(
                        live(), sizes.length, sizes, strides, offset, out),
                "aoti_torch__reinterpret_tensor");
        return new Tensor(out[0], false, sizes, strides);
    }

    /**
     * Copies the elements of another tensor of the same shape into this one, converting the type.
     *
     * @param source the other tensor
     */
    public void copyFrom(Tensor source) {
        TorchLibrary.check(TorchAbi.aoti_torch_copy_(live(), source.live(), 0), "aoti_torch_copy_");
    }

    /**
     * Copies this tensor.
     *
     * @param type the copy's element type
     * @return a tensor of the same shape in row-major order
     */
    public Tensor copy(ScalarType type) {
        Tensor copy = empty(type, this, sizes());
        try {
            copy.copyFrom(this);
            return copy;
        } catch (RuntimeException e) {
            copy.close();
            throw e;
        }
    }

    /** Sets all elements to zero. */
    public void zero() {
        TorchLibrary.check(TorchAbi.aoti_torch_zero_(live()), "aoti_torch_zero_");
    }

    /**
     * Tells whether this tensor is more than PyTorch's "None".
     *
     * @return true if it has a shape and storage
     */
    public boolean isDefined() {
        int[] type = new int[1];
        long[] elements = new long[1];
        // An undefined tensor has no data pointer and no device, and asking for them fails; its
        // type is "Undefined", whose number changes with the version.
        return TorchAbi.aoti_torch_get_dtype(live(), type) == 0
                && TorchAbi.aoti_torch_get_numel(live(), elements) == 0
                && (elements[0] > 0 || isKnown(type[0]));
    }

    private static boolean isKnown(int code) {
        return Arrays.stream(ScalarType.values()).anyMatch(type -> type.code() == code);
    }

    /**
     * Returns the address of the first element.
     *
     * @return the address, in host or device memory
     */
    public long address() {
        long[] out = new long[1];
        TorchLibrary.check(
                TorchAbi.aoti_torch_get_data_ptr(live(), out), "aoti_torch_get_data_ptr");
        return out[0];
    }

    /**
     * Returns the first element of a tensor in host memory as a pointer.
     *
     * @return the pointer
     */
    public Pointer hostPointer() {
        return new Pointer(address());
    }

    /**
     * Returns the shape.
     *
     * @return the sizes
     */
    public long[] sizes() {
        return knownSizes().clone();
    }

    private long[] knownSizes() {
        long tensor = live();
        if (sizes == null) {
            long[] out = new long[1];
            TorchLibrary.check(TorchAbi.aoti_torch_get_dim(tensor, out), "aoti_torch_get_dim");
            int dimensions = Math.toIntExact(out[0]);
            TorchLibrary.check(TorchAbi.aoti_torch_get_sizes(tensor, out), "aoti_torch_get_sizes");
            sizes = lent(out[0], dimensions);
        }
        return sizes;
    }

    /**
     * Returns the strides.
     *
     * @return the strides, in elements
     */
    public long[] strides() {
        long tensor = live();
        if (strides == null) {
            long[] out = new long[1];
            TorchLibrary.check(
                    TorchAbi.aoti_torch_get_strides(tensor, out), "aoti_torch_get_strides");
            strides = lent(out[0], knownSizes().length);
        }
        return strides.clone();
    }

    /** Copies an array that PyTorch lends. */
    private static long[] lent(long address, int count) {
        return count == 0 ? new long[0] : new Pointer(address).getLongArray(0, count);
    }

    /**
     * Returns the element type.
     *
     * @return the type
     * @throws IllegalArgumentException if it is none that crosses the bridge
     */
    public ScalarType type() {
        int[] out = new int[1];
        TorchLibrary.check(TorchAbi.aoti_torch_get_dtype(live(), out), "aoti_torch_get_dtype");
        return ScalarType.of(out[0]);
    }

    /**
     * Tells whether the elements are of a type.
     *
     * @param type the type
     * @return true if they are; false also for types that do not cross the bridge
     */
    public boolean isOf(ScalarType type) {
        int[] out = new int[1];
        TorchLibrary.check(TorchAbi.aoti_torch_get_dtype(live(), out), "aoti_torch_get_dtype");
        return out[0] == type.code();
    }

    /**
     * Returns the index of the device.
     *
     * @return the index, -1 for the CPU
     */
    public int deviceIndex() {
        int[] out = new int[1];
        TorchLibrary.check(
                TorchAbi.aoti_torch_get_device_index(live(), out), "aoti_torch_get_device_index");
        return out[0];
    }

    private int deviceType() {
        int[] out = new int[1];
        TorchLibrary.check(
                TorchAbi.aoti_torch_get_device_type(live(), out), "aoti_torch_get_device_type");
        return out[0];
    }

    /**
     * Tells whether a manager can own what {@link #toArray} makes.
     *
     * @param manager a manager, or null
     * @return true if it is one of PyTorch's
     */
    public static boolean isOwner(NDManager manager) {
        return manager instanceof PtNDManager;
    }

    /**
     * Gives the handle to a new array; this object is spent afterwards.
     *
     * @param manager the manager that will own the array, see {@link #isOwner}
     * @return the array
     * @throws IllegalStateException if the manager is closed
     */
    public NDArray toArray(NDManager manager) {
        Tensor given = own(release());
        try {
            return new PtNDArray((PtNDManager) manager, given.handle);
        } catch (RuntimeException e) {
            given.close();
            throw e;
        }
    }

    boolean isOpen() {
        return handle != 0;
    }

    /** PyTorch would follow a null handle. */
    long live() {
        if (handle == 0) {
            throw new IllegalStateException("the tensor is closed or was given away");
        }
        return handle;
    }

    /** Gives the handle away, or a new one if it is lent; this object is spent afterwards. */
    long release() {
        long released = lent ? newHandle(live()) : live();
        handle = 0;
        return released;
    }

    /** Makes a further handle of this tensor, for a callee that takes it over. */
    long newHandle() {
        return newHandle(live());
    }

    private static long newHandle(long tensor) {
        long[] out = new long[1];
        TorchLibrary.check(
                TorchAbi.aoti_torch_new_tensor_handle(tensor, out), "aoti_torch_new_tensor_handle");
        return out[0];
    }

    private static long[] rowMajorStrides(long[] sizes) {
        long[] strides = new long[sizes.length];
        long stride = 1;
        for (int i = sizes.length - 1; i >= 0; i--) {
            strides[i] = stride;
            stride = Math.multiplyExact(stride, Math.max(1, sizes[i]));
        }
        return strides;
    }

    /** Frees the handle. Closing twice is harmless. */
    @Override
    public void close() {
        if (handle != 0 && !lent) {
            TorchLibrary.check(
                    TorchAbi.aoti_torch_delete_tensor_object(handle),
                    "aoti_torch_delete_tensor_object");
        }
        handle = 0;
    }
}
