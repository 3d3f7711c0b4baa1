package org.djlflash.zoo.decoder;

import org.djlflash.zoo.Gpu;
import org.junit.jupiter.api.Tag;

/** A random Llama on a GPU. */
@Tag("gpu")
class LlamaReferenceGpuTest extends DecoderReferenceTest {

    LlamaReferenceGpuTest() {
        super("llama-random-gqa4", Gpu.device());
    }
}
