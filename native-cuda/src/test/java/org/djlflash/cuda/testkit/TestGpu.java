package org.djlflash.cuda.testkit;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import jcuda.driver.CUcontext;
import jcuda.driver.CUdevice;
import jcuda.driver.JCudaDriver;
import org.djlflash.cuda.launch.AttentionLauncher;
import org.djlflash.cuda.launch.CudaLibrary;
import org.djlflash.cuda.plan.DeviceInfo;

/** The first GPU, opened once for all tests. Thread-safe. */
public final class TestGpu {

    private static TestGpu instance;

    private final AttentionLauncher launcher;
    private final CUcontext context = new CUcontext();

    private TestGpu() {
        launcher = new AttentionLauncher(device(), List.of());
        CUdevice device = new CUdevice();
        check(JCudaDriver.cuDeviceGet(device, device().ordinal()));
        check(JCudaDriver.cuDevicePrimaryCtxRetain(context, device));
    }

    /**
     * Returns the GPU.
     *
     * @return what planning needs
     */
    public static DeviceInfo device() {
        return CudaLibrary.devices().get(0);
    }

    /**
     * Opens the GPU and makes its context current on the calling thread, which memory needs.
     *
     * @return the launcher
     */
    public static synchronized AttentionLauncher open() {
        if (instance == null) {
            instance = new TestGpu();
        }
        check(JCudaDriver.cuCtxSetCurrent(instance.context));
        return instance.launcher;
    }

    /** Waits until the GPU has done all that was launched; fails if a kernel did. */
    public static void synchronize() {
        check(JCudaDriver.cuCtxSynchronize());
    }

    private static void check(int result) {
        assertEquals(0, result, "CUDA's result");
    }
}
