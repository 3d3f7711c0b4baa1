package org.djlflash.zoo.decoder;

import org.djlflash.zoo.Gpu;
import org.junit.jupiter.api.Tag;

/** A random GPT-2 on a GPU. */
@Tag("gpu")
class Gpt2ReferenceGpuTest extends DecoderReferenceTest {

    Gpt2ReferenceGpuTest() {
        super("gpt2-random-hd32", Gpu.device());
    }
}
