package org.djlflash.zoo;

import ai.djl.Device;
import ai.djl.engine.Engine;
import org.junit.jupiter.api.Assumptions;

/** The GPU of tests that need one. */
public final class Gpu {

    private Gpu() {}

    /**
     * Returns the GPU, or skips the test if there is none.
     *
     * @return the device
     */
    public static Device device() {
        Assumptions.assumeTrue(
                Engine.getEngine("PyTorch").getGpuCount() > 0, "PyTorch finds no GPU");
        return Device.gpu();
    }
}
