package org.djlflash.torch;

import ai.djl.engine.EngineException;
import com.sun.jna.Native;
import com.sun.jna.NativeLibrary;
import com.sun.jna.Pointer;
import java.util.ArrayList;
import java.util.List;

/**
 * NVIDIA's cuDNN attention as PyTorch brings it, for comparison.
 *
 * <p>Called by the C functions that PyTorch generates for compiled models: the dispatcher's C
 * interface mistakes one result for another where an operator returns tensors and numbers. Nothing
 * is recorded by autograd. Safe for use by many threads.
 */
public final class CudnnAttention {

    private static final int GRADIENTS = 3;

    /** What backward reads of forward, in the order of the results. */
    private static final int LOG_SUM_EXP = 1;

    private static final int QUERY_OFFSETS = 2;
    private static final int KEY_OFFSETS = 3;
    private static final int SEED = 4;
    private static final int OFFSET = 5;

    private CudnnAttention() {}

    /** Handles of tensors in, handles of new tensors out. */
    private static final class Abi {

        static native int aoti_torch_cuda__scaled_dot_product_cudnn_attention(
                long query,
                long key,
                long value,
                Pointer bias,
                int logSumExp,
                double dropout,
                int causal,
                int debugMask,
                Pointer scale,
                long[] output,
                long[] logSumExpResult,
                long[] queryOffsets,
                long[] keyOffsets,
                long[] queries,
                long[] keys,
                long[] seed,
                long[] offset,
                long[] mask);

        static native int aoti_torch_cuda__scaled_dot_product_cudnn_attention_backward(
                long outputGradient,
                long query,
                long key,
                long value,
                long output,
                long logSumExp,
                long seed,
                long offset,
                long bias,
                long queryOffsets,
                long keyOffsets,
                long queries,
                long keys,
                double dropout,
                int causal,
                Pointer scale,
                long[] queryGradient,
                long[] keyGradient,
                long[] valueGradient);
    }

    /** Binds the functions at the first call; a failure is a value. */
    private static final class Holder {

        static final EngineException CAUSE = load();

        /** The library object must outlive every bound method. */
        private static NativeLibrary library;

        private static EngineException load() {
            if (!TorchCuda.isAvailable()) {
                return new EngineException("the loaded libtorch is not one for CUDA");
            }
            try {
                library =
                        NativeLibrary.getInstance(
                                TorchLibrary.folder()
                                        .resolve(System.mapLibraryName("torch_cuda"))
                                        .toString());
                Native.register(Abi.class, library);
                return null;
            } catch (UnsatisfiedLinkError e) {
                return new EngineException("this libtorch has no cuDNN attention", e);
            }
        }
    }

    private static void ensureAvailable() {
        if (Holder.CAUSE != null) {
            throw new EngineException(Holder.CAUSE.getMessage(), Holder.CAUSE);
        }
    }

    /**
     * Computes attention.
     *
     * @param query shape (B, N, T, H), FLOAT16 or BFLOAT16
     * @param key shape (B, N or a divisor of it, F, H)
     * @param value shaped as the keys
     * @param causal whether query i sees keys 0 to i only
     * @return the output, shape (B, N, T, H), and what {@link #backward} needs; the caller's
     * @throws EngineException if it is not available or fails
     */
    public static List<Tensor> forward(Tensor query, Tensor key, Tensor value, boolean causal) {
        ensureAvailable();
        long[][] results = new long[7][1];
        TorchLibrary.check(
                Abi.aoti_torch_cuda__scaled_dot_product_cudnn_attention(
                        query.live(),
                        key.live(),
                        value.live(),
                        null,
                        1,
                        0,
                        causal ? 1 : 0,
                        0,
                        null,
                        results[0],
                        results[LOG_SUM_EXP],
                        results[QUERY_OFFSETS],
                        results[KEY_OFFSETS],
                        new long[1],
                        new long[1],
                        results[SEED],
                        results[OFFSET],
                        results[6]),
                "cuDNN attention forward");
        return own(results);
    }

    /**
     * Computes the gradients.
     *
     * @param outputGradient the gradient of the output
     * @param query as in forward
     * @param key as in forward
     * @param value as in forward
     * @param forward what forward returned, which stays the caller's
     * @param causal as in forward
     * @return the gradients of query, key and value; the caller's
     * @throws EngineException if it is not available or fails
     */
    public static List<Tensor> backward(
            Tensor outputGradient,
            Tensor query,
            Tensor key,
            Tensor value,
            List<Tensor> forward,
            boolean causal) {
        ensureAvailable();
        long[][] results = new long[GRADIENTS][1];
        try (Tensor bias = Tensor.undefined()) {
            TorchLibrary.check(
                    Abi.aoti_torch_cuda__scaled_dot_product_cudnn_attention_backward(
                            outputGradient.live(),
                            query.live(),
                            key.live(),
                            value.live(),
                            forward.get(0).live(),
                            forward.get(LOG_SUM_EXP).live(),
                            forward.get(SEED).live(),
                            forward.get(OFFSET).live(),
                            bias.live(),
                            forward.get(QUERY_OFFSETS).live(),
                            forward.get(KEY_OFFSETS).live(),
                            query.sizes()[2],
                            key.sizes()[2],
                            0,
                            causal ? 1 : 0,
                            null,
                            results[0],
                            results[1],
                            results[2]),
                    "cuDNN attention backward");
        }
        return own(results);
    }

    private static List<Tensor> own(long[][] handles) {
        List<Tensor> tensors = new ArrayList<>();
        for (long[] handle : handles) {
            tensors.add(Tensor.own(handle[0]));
        }
        return List.copyOf(tensors);
    }
}
