package org.djlflash.cuda.launch;

/**
 * A stream, owned by whoever gave it. Immutable.
 *
 * @param handle the driver's handle ({@code CUstream}, the same as {@code cudaStream_t}), 0 for the
 *     default stream
 */
public record CudaStream(long handle) {

    /** The default stream of the device. */
    public static final CudaStream DEFAULT = new CudaStream(0);
}
