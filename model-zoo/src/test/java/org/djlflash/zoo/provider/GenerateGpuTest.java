package org.djlflash.zoo.provider;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.Device;
import ai.djl.engine.Engine;
import ai.djl.ndarray.types.DataType;
import java.io.IOException;
import java.util.List;
import org.djlflash.Backend;
import org.djlflash.zoo.generate.GenerationResult;
import org.djlflash.zoo.gpt2.Gpt2;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Text generated on a GPU against what Hugging Face transformers generates on a CPU. */
@Tag("gpu")
class GenerateGpuTest {

    @BeforeAll
    static void needGpu() {
        Assumptions.assumeTrue(
                Engine.getEngine("PyTorch").getGpuCount() > 0, "PyTorch finds no GPU");
    }

    private static Gpt2 load(DataType type) throws Exception {
        return Gpt2.load(EmbeddedModel.unpack(), Device.gpu(), type, null);
    }

    static Continuations.Case[] prompts() throws IOException {
        return Continuations.all();
    }

    @ParameterizedTest
    @MethodSource("prompts")
    void singlePrecisionIsEqual(Continuations.Case c) throws Exception {
        try (Gpt2 model = load(DataType.FLOAT32)) {
            GenerationResult result = c.generate(model);
            assertArrayEquals(c.next(), result.ids());
            assertEquals(Backend.TORCH_SDPA, result.prefill().backend());
            assertEquals(Backend.TORCH_SDPA, result.decode().backend());
        }
    }

    /** A few tokens are decoded from the start, more are read by the forward kernel first. */
    @ParameterizedTest
    @ValueSource(ints = {0, 17, 40})
    void halfPrecisionIsNearlyEqualOnOurKernels(int promptTokens) throws Exception {
        try (Gpt2 model = load(DataType.FLOAT16)) {
            double sum = 0;
            for (Continuations.Case c : Continuations.all()) {
                Continuations.Case longer = promptTokens == 0 ? c : c.withPromptOf(promptTokens);
                GenerationResult result = longer.generate(model);
                sum += longer.sharedPrefix(result);
                String prefill = promptTokens == 0 ? "decode_split[" : "forward";
                assertKernel(prefill, result.prefill().backend(), result.prefill().kernels());
                assertKernel("decode_split[", result.decode().backend(), result.decode().kernels());
            }
            double share = sum / Continuations.all().length;
            assertTrue(share >= 0.95, "share of equal tokens " + share);
        }
    }

    private static void assertKernel(String name, Backend backend, List<String> kernels) {
        assertEquals(Backend.CUDA, backend);
        assertTrue(kernels.get(0).startsWith(name), kernels.toString());
    }
}
