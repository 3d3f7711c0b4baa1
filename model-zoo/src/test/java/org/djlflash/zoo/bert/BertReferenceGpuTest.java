package org.djlflash.zoo.bert;

import ai.djl.Device;
import org.djlflash.zoo.Gpu;
import org.junit.jupiter.api.Tag;

/** A random BERT on a GPU. */
@Tag("gpu")
class BertReferenceGpuTest extends BertReferenceTest {

    @Override
    Device device() {
        return Gpu.device();
    }
}
