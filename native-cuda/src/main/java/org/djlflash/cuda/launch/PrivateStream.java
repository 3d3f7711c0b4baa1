package org.djlflash.cuda.launch;

import jcuda.driver.CUstream_flags;
import org.djlflash.cuda.plan.DeviceInfo;

/**
 * A stream of one's own, which does not wait for the default stream: what graphs are captured on.
 * Thread-safe.
 */
public final class PrivateStream implements AutoCloseable {

    private static final String CONTEXT = "a private stream";

    private final PrimaryContext context;
    private final OwnedHandle stream;

    /**
     * Creates a stream.
     *
     * @param device the GPU
     * @throws IllegalStateException if CUDA is not available
     * @throws CudaException if the driver refuses
     */
    public PrivateStream(DeviceInfo device) {
        CudaLibrary.ensureAvailable();
        context = new PrimaryContext(device);
        long[] created = new long[1];
        context.run(
                () ->
                        CudaCall.check(
                                "cuStreamCreate",
                                Driver.cuStreamCreate(
                                        created, CUstream_flags.CU_STREAM_NON_BLOCKING),
                                CONTEXT));
        stream = new OwnedHandle(CONTEXT, created[0]);
    }

    /**
     * Returns the stream.
     *
     * @return valid until this is closed
     * @throws IllegalStateException if this is closed
     */
    public CudaStream stream() {
        return new CudaStream(stream.get());
    }

    /**
     * Waits until all that was enqueued is done.
     *
     * @throws CudaException if it failed
     * @throws IllegalStateException if this is closed
     */
    public void synchronize() {
        long handle = stream.get();
        context.run(
                () ->
                        CudaCall.check(
                                "cuStreamSynchronize",
                                Driver.cuStreamSynchronize(handle),
                                CONTEXT));
    }

    /** Destroys the stream once its work is done. Closing twice is harmless. */
    @Override
    public void close() {
        stream.free(
                handle ->
                        context.run(
                                () ->
                                        CudaCall.check(
                                                "cuStreamDestroy",
                                                Driver.cuStreamDestroy_v2(handle),
                                                CONTEXT)));
    }
}
