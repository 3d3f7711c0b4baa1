package org.djlflash.cuda.launch;

import jcuda.driver.CUstreamCaptureMode;
import org.djlflash.cuda.plan.DeviceInfo;

/**
 * Launches that were captured once and are replayed together, without the host's time for each.
 *
 * <p>A replay works on the memory of the capture: it must still be there, and nobody else's.
 * Kernels must be loaded before the capture ({@link AttentionLauncher#prepare}). Replays of one
 * graph must not overlap; otherwise thread-safe.
 */
public final class CudaGraph implements AutoCloseable {

    private static final String CONTEXT = "a captured graph";

    private final PrimaryContext context;
    private final OwnedHandle executable;

    private CudaGraph(PrimaryContext context, long executable) {
        this.context = context;
        this.executable = new OwnedHandle(CONTEXT, executable);
    }

    /**
     * Captures what an action enqueues, without running it.
     *
     * @param device the GPU
     * @param stream a stream other than the default one, on which the action enqueues
     * @param action enqueues the launches; may allocate memory, must not wait for the GPU
     * @return the graph
     * @throws CudaException if the driver cannot capture what the action does
     */
    public static CudaGraph capture(DeviceInfo device, CudaStream stream, Runnable action) {
        CudaLibrary.ensureAvailable();
        PrimaryContext context = new PrimaryContext(device);
        long[] executable = new long[1];
        context.run(() -> executable[0] = instantiated(captured(stream, action)));
        return new CudaGraph(context, executable[0]);
    }

    private static long captured(CudaStream stream, Runnable action) {
        // Relaxed: PyTorch's allocator may ask the driver for memory meanwhile.
        CudaCall.check(
                "cuStreamBeginCapture",
                Driver.cuStreamBeginCapture_v2(
                        stream.handle(), CUstreamCaptureMode.CU_STREAM_CAPTURE_MODE_RELAXED),
                CONTEXT);
        long[] graph = new long[1];
        boolean done = false;
        try {
            action.run();
            done = true;
        } finally {
            int result = Driver.cuStreamEndCapture(stream.handle(), graph);
            if (done) {
                CudaCall.check("cuStreamEndCapture", result, CONTEXT);
            } else if (graph[0] != 0) {
                Driver.cuGraphDestroy(graph[0]);
            }
        }
        return graph[0];
    }

    private static long instantiated(long graph) {
        long[] executable = new long[1];
        int result = Driver.cuGraphInstantiateWithFlags(executable, graph, 0);
        Driver.cuGraphDestroy(graph);
        CudaCall.check("cuGraphInstantiateWithFlags", result, CONTEXT);
        return executable[0];
    }

    /**
     * Enqueues a replay.
     *
     * @param stream where to enqueue
     * @throws CudaException if the driver refuses
     * @throws IllegalStateException if this is closed
     */
    public void launch(CudaStream stream) {
        long handle = executable.get();
        context.run(
                () ->
                        CudaCall.check(
                                "cuGraphLaunch",
                                Driver.cuGraphLaunch(handle, stream.handle()),
                                CONTEXT));
    }

    /** Frees the graph; replays that were enqueued must be done. Closing twice is harmless. */
    @Override
    public void close() {
        executable.free(
                handle ->
                        context.run(
                                () ->
                                        CudaCall.check(
                                                "cuGraphExecDestroy",
                                                Driver.cuGraphExecDestroy(handle),
                                                CONTEXT)));
    }
}
