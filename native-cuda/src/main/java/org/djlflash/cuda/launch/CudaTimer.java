package org.djlflash.cuda.launch;

import jcuda.driver.CUevent_flags;
import jcuda.driver.CUresult;
import org.djlflash.cuda.plan.DeviceInfo;

/**
 * Times work on one GPU by marks in its streams.
 *
 * <p>What lies between two marks is the GPU's time only if the GPU was still busy with earlier work
 * when the second mark was enqueued; else it may have waited for the host. {@link
 * Mark#isReached()}, asked of the first mark right after the second was made, tells the two apart.
 * Thread-safe.
 */
public final class CudaTimer {

    private static final String TIMING = "timing";

    private final PrimaryContext context;

    /**
     * Opens a GPU.
     *
     * @param device one of {@link CudaLibrary#devices()}
     * @throws IllegalStateException if CUDA is not available
     * @throws CudaException if the driver refuses the GPU
     */
    public CudaTimer(DeviceInfo device) {
        CudaLibrary.ensureAvailable();
        context = new PrimaryContext(device);
    }

    /**
     * Makes a mark behind all that was enqueued so far. Nothing waits for it.
     *
     * @param stream the stream
     * @return the mark
     * @throws CudaException if the driver refuses
     */
    public Mark mark(CudaStream stream) {
        Mark mark = new Mark();
        mark.record(stream);
        return mark;
    }

    /** A place in a stream. Thread-safe. */
    public final class Mark implements AutoCloseable {

        private final long event;

        private Mark() {
            long[] created = new long[1];
            call(
                    "cuEventCreate",
                    () -> Driver.cuEventCreate(created, CUevent_flags.CU_EVENT_DEFAULT));
            event = created[0];
        }

        private void record(CudaStream stream) {
            try {
                call("cuEventRecord", () -> Driver.cuEventRecord(event, stream.handle()));
            } catch (CudaException e) {
                close();
                throw e;
            }
        }

        /**
         * Tells whether the GPU has come to this mark.
         *
         * @return true if all before it is done
         * @throws CudaException if the work before it failed
         */
        public boolean isReached() {
            int[] answer = new int[1];
            context.run(() -> answer[0] = Driver.cuEventQuery(event));
            if (answer[0] == CUresult.CUDA_ERROR_NOT_READY) {
                return false;
            }
            CudaCall.check("cuEventQuery", answer[0], TIMING);
            return true;
        }

        /**
         * Waits for a later mark and returns the time between the two.
         *
         * @param later a mark of the same timer, made after this one
         * @return the time in milliseconds, in steps of half a microsecond
         * @throws CudaException if the work between them failed
         */
        public double millisecondsTo(Mark later) {
            float[] milliseconds = new float[1];
            call("cuEventSynchronize", () -> Driver.cuEventSynchronize(later.event));
            call(
                    "cuEventElapsedTime",
                    () -> Driver.cuEventElapsedTime(milliseconds, event, later.event));
            return milliseconds[0];
        }

        /** Frees the mark; the work that it marks goes on. */
        @Override
        public void close() {
            call("cuEventDestroy", () -> Driver.cuEventDestroy_v2(event));
        }
    }

    /** A call of the driver, which answers with a result. */
    private interface DriverCall {
        int run();
    }

    private void call(String name, DriverCall call) {
        context.run(() -> CudaCall.check(name, call.run(), TIMING));
    }
}
