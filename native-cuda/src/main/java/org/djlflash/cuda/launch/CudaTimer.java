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

        private final OwnedHandle event;

        private Mark() {
            long[] created = new long[1];
            call(
                    "cuEventCreate",
                    () -> Driver.cuEventCreate(created, CUevent_flags.CU_EVENT_DEFAULT));
            event = new OwnedHandle("a mark in a stream", created[0]);
        }

        private void record(CudaStream stream) {
            try {
                call("cuEventRecord", () -> Driver.cuEventRecord(event.get(), stream.handle()));
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
         * @throws IllegalStateException if this is closed
         */
        public boolean isReached() {
            long handle = event.get();
            int[] answer = new int[1];
            context.run(() -> answer[0] = Driver.cuEventQuery(handle));
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
         * @throws IllegalStateException if one of them is closed
         */
        public double millisecondsTo(Mark later) {
            long start = event.get();
            long end = later.event.get();
            float[] milliseconds = new float[1];
            call("cuEventSynchronize", () -> Driver.cuEventSynchronize(end));
            call("cuEventElapsedTime", () -> Driver.cuEventElapsedTime(milliseconds, start, end));
            return milliseconds[0];
        }

        /** Frees the mark; the work that it marks goes on. Closing twice is harmless. */
        @Override
        public void close() {
            event.free(handle -> call("cuEventDestroy", () -> Driver.cuEventDestroy_v2(handle)));
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
