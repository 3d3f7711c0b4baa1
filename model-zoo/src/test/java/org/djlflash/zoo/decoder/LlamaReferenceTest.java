package org.djlflash.zoo.decoder;

import ai.djl.Device;

/** A random Llama, four queries of which share a key. */
class LlamaReferenceTest extends DecoderReferenceTest {

    LlamaReferenceTest() {
        super("llama-random-gqa4", Device.cpu());
    }
}
