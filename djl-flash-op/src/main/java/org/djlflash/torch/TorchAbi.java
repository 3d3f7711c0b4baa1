package org.djlflash.torch;

import com.sun.jna.Callback;
import com.sun.jna.Pointer;

/**
 * The functions of PyTorch's stable C ABI that we use, by their C names ({@code
 * torch/csrc/inductor/aoti_torch/c/shim.h}), bound by JNA's direct mapping.
 *
 * <p>Each returns 0, or another number after the C++ exception was caught inside libtorch. Handles
 * are {@code at::Tensor*}. A C++ {@code bool} result comes back as a byte: only its low bits are
 * defined.
 */
final class TorchAbi {

    private TorchAbi() {}

    /**
     * A boxed operator kernel: {@code void (*)(uint64_t* stack, uint64_t nargs, uint64_t nret)}.
     */
    interface BoxedKernel extends Callback {

        /**
         * Runs the kernel.
         *
         * @param stack the address of the argument slots, which become the result slots
         * @param arguments the number of arguments
         * @param results the number of results
         */
        void invoke(long stack, long arguments, long results);
    }

    static native long aoti_torch_abi_version();

    static native int aoti_torch_call_dispatcher(String operator, String overload, Pointer stack);

    static native int aoti_torch_library_init_impl(
            String namespace, String dispatchKey, Pointer file, int line, long[] library);

    static native int aoti_torch_library_impl(long library, String operator, BoxedKernel kernel);

    static native int aoti_torch_delete_library_object(long library);

    static native int aoti_torch_new_tensor_handle(long tensor, long[] handle);

    static native int aoti_torch_new_uninitialized_tensor(long[] handle);

    static native int aoti_torch_delete_tensor_object(long tensor);

    static native int aoti_torch_empty_strided(
            long dimensions,
            long[] sizes,
            long[] strides,
            int dataType,
            int deviceType,
            int deviceIndex,
            long[] handle);

    static native int aoti_torch__reinterpret_tensor(
            long tensor, long dimensions, long[] sizes, long[] strides, long offset, long[] handle);

    static native int aoti_torch_copy_(long destination, long source, int nonBlocking);

    static native int aoti_torch_zero_(long tensor);

    static native int aoti_torch_get_data_ptr(long tensor, long[] address);

    static native int aoti_torch_get_dim(long tensor, long[] dimensions);

    static native int aoti_torch_get_numel(long tensor, long[] elements);

    static native int aoti_torch_get_sizes(long tensor, long[] address);

    static native int aoti_torch_get_strides(long tensor, long[] address);

    static native int aoti_torch_get_dtype(long tensor, int[] dataType);

    static native int aoti_torch_get_device_type(long tensor, int[] deviceType);

    static native int aoti_torch_get_device_index(long tensor, int[] deviceIndex);

    static native byte aoti_torch_grad_mode_is_enabled();

    static native void aoti_torch_grad_mode_set_enabled(byte enabled);
}
