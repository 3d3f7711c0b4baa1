package org.djlflash.torch;

import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.engine.EngineException;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;

class TorchCudaTest {

    @Test
    void withoutCudaItSaysSo() {
        Assumptions.assumeFalse(TorchCuda.isAvailable(), "there is CUDA");
        EngineException e = assertThrows(EngineException.class, () -> TorchCuda.currentStream(0));
        assertTrue(e.getMessage().contains("not one for CUDA"), e.getMessage());
        assertThrows(EngineException.class, () -> TorchCuda.runOn(1, 0, () -> {}));
    }
}
