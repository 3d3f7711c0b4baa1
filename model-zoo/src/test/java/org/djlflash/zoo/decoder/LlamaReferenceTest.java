package org.djlflash.zoo.decoder;

/** A random Llama, four queries of which share a key. */
class LlamaReferenceTest extends DecoderReferenceTest {

    LlamaReferenceTest() {
        super("llama-random-gqa4");
    }
}
