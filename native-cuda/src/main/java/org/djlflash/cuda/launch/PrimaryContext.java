package org.djlflash.cuda.launch;

import jcuda.driver.CUcontext;
import jcuda.driver.CUdevice;
import jcuda.driver.JCudaDriver;
import org.djlflash.cuda.plan.DeviceInfo;

/**
 * The context of a device that all libraries of a process share, PyTorch among them. It is retained
 * for the life of the process. Thread-safe.
 */
final class PrimaryContext {

    private static final CUcontext NONE = new CUcontext();

    private final CUcontext context = new CUcontext();

    /**
     * Retains the context.
     *
     * @param info the device
     * @throws CudaException if the driver refuses
     */
    PrimaryContext(DeviceInfo info) {
        CUdevice device = new CUdevice();
        CudaCall.check("cuDeviceGet", JCudaDriver.cuDeviceGet(device, info.ordinal()), info);
        CudaCall.check(
                "cuDevicePrimaryCtxRetain",
                JCudaDriver.cuDevicePrimaryCtxRetain(context, device),
                info);
    }

    /**
     * Runs an action with this context current on the calling thread. A context of another device
     * that was current before is current again afterwards: it is what PyTorch takes the current
     * device from.
     *
     * @param action what to run
     */
    void run(Runnable action) {
        CUcontext before = new CUcontext();
        CudaCall.check("cuCtxGetCurrent", JCudaDriver.cuCtxGetCurrent(before), context);
        if (before.equals(context)) {
            action.run();
            return;
        }
        CudaCall.check("cuCtxSetCurrent", JCudaDriver.cuCtxSetCurrent(context), context);
        try {
            action.run();
        } finally {
            if (!before.equals(NONE)) {
                CudaCall.check("cuCtxSetCurrent", JCudaDriver.cuCtxSetCurrent(before), before);
            }
        }
    }
}
