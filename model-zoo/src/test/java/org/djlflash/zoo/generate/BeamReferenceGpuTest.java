package org.djlflash.zoo.generate;

import ai.djl.Device;
import org.djlflash.zoo.Gpu;
import org.junit.jupiter.api.Tag;

/** Beam search on a GPU. */
@Tag("gpu")
class BeamReferenceGpuTest extends BeamReferenceTest {

    @Override
    Device device() {
        return Gpu.device();
    }
}
