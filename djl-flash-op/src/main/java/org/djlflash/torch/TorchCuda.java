package org.djlflash.torch;

import ai.djl.engine.EngineException;
import ai.djl.pytorch.jni.JniUtils;
import com.sun.jna.Native;
import com.sun.jna.NativeLibrary;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * The CUDA part of PyTorch, which only a libtorch for CUDA has.
 *
 * <p>Safe for use by many threads.
 */
public final class TorchCuda {

    private TorchCuda() {}

    /** Its own class, as the functions are in a library of their own. */
    private static final class Abi {

        static native int aoti_torch_get_current_cuda_stream(int device, long[] stream);

        static native int aoti_torch_create_cuda_stream_guard(
                long stream, int device, long[] guard);

        static native int aoti_torch_delete_cuda_stream_guard(long guard);
    }

    private static final class Holder {

        static final boolean AVAILABLE = load();

        /** The library object must outlive every bound method. */
        private static NativeLibrary library;

        private static boolean load() {
            if (!TorchLibrary.isAvailable()) {
                return false;
            }
            Path file = TorchLibrary.folder().resolve(System.mapLibraryName("torch_cuda"));
            if (!Files.isRegularFile(file)) {
                return false;
            }
            try {
                library = NativeLibrary.getInstance(file.toString());
                Native.register(Abi.class, library);
                return true;
            } catch (UnsatisfiedLinkError e) {
                return false;
            }
        }
    }

    /**
     * Tells whether the loaded libtorch is one for CUDA.
     *
     * @return true if it is
     */
    public static boolean isAvailable() {
        return Holder.AVAILABLE;
    }

    /** Also what binds the functions: nothing else does. */
    private static void ensureAvailable() {
        if (!isAvailable()) {
            throw new EngineException("the loaded libtorch is not one for CUDA");
        }
    }

    /**
     * Returns the stream that PyTorch uses at the moment on this thread.
     *
     * @param device the number of the GPU
     * @return the driver's handle of the stream, 0 for the default stream
     * @throws EngineException if the loaded libtorch is not one for CUDA
     */
    public static long currentStream(int device) {
        ensureAvailable();
        long[] stream = new long[1];
        TorchLibrary.check(
                Abi.aoti_torch_get_current_cuda_stream(device, stream),
                "aoti_torch_get_current_cuda_stream");
        return stream[0];
    }

    /**
     * Runs something with another stream as the one that PyTorch uses on this thread.
     *
     * @param stream the driver's handle of the stream
     * @param device the number of the stream's GPU
     * @param action what to run
     * @throws EngineException if the loaded libtorch is not one for CUDA
     */
    public static void runOn(long stream, int device, Runnable action) {
        ensureAvailable();
        long[] guard = new long[1];
        TorchLibrary.check(
                Abi.aoti_torch_create_cuda_stream_guard(stream, device, guard),
                "aoti_torch_create_cuda_stream_guard");
        try {
            action.run();
        } finally {
            TorchLibrary.check(
                    Abi.aoti_torch_delete_cuda_stream_guard(guard[0]),
                    "aoti_torch_delete_cuda_stream_guard");
        }
    }

    /**
     * Gives memory that PyTorch keeps for later back to the GPUs.
     *
     * @throws EngineException if the loaded libtorch is not one for CUDA
     */
    public static void emptyCache() {
        ensureAvailable();
        JniUtils.emptyCudaCache();
    }
}
