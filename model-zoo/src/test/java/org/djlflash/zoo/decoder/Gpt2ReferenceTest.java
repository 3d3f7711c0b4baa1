package org.djlflash.zoo.decoder;

import ai.djl.Device;

/** A random GPT-2. */
class Gpt2ReferenceTest extends DecoderReferenceTest {

    Gpt2ReferenceTest() {
        super("gpt2-random-hd32", Device.cpu());
    }
}
