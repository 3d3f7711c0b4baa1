package org.djlflash.cuda.launch;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

class GpuRatesTest {

    @Test
    void bandwidthIsTwoTransfersAClock() {
        // 40 GB of HBM2 of an A100 at 1215 MHz on 5120 bits: NVIDIA says 1555 GB/s.
        GpuRates a100 = new GpuRates(1410, 1215, 5120, 40L << 20);
        assertEquals(1555, a100.memoryGigabytesPerSecond(), 1);
    }
}
