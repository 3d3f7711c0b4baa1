package org.djlflash.zoo.generate;

import static org.junit.jupiter.api.Assertions.assertEquals;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.djlflash.zoo.SharedModels;
import org.djlflash.zoo.decoder.DecoderModel;
import org.djlflash.zoo.generate.BeamOptions.EarlyStopping;
import org.djlflash.zoo.provider.CausalModels;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Beam search against what was found in double precision with Hugging Face transformers. */
class BeamReferenceTest {

    private static final int BEAMS = 4;
    private static final int TOKENS = 12;

    Device device() {
        return Device.cpu();
    }

    @ParameterizedTest
    @ValueSource(strings = {"gpt2-random-hd32", "llama-random-gqa4"})
    void findsTheTextsAndTheirScores(String name) throws Exception {
        Path folder = SharedModels.folder(name);
        try (NDManager manager = NDManager.newBaseManager(Device.cpu(), "PyTorch");
                DecoderModel<?> model =
                        CausalModels.load(folder, device(), DataType.FLOAT32, null);
                InputStream stream = Files.newInputStream(folder.resolve("expected.safetensors"))) {
            NDList expected = NDList.decode(manager, stream);
            int row = Math.toIntExact(expected.get("input_ids").getShape().get(0)) - 1;
            int[] prompt =
                    Arrays.copyOf(
                            expected.get("input_ids").get(row).toIntArray(),
                            expected.get("lengths").toIntArray()[row]);
            // The reference's scores are sums.
            GenerationOptions options =
                    GenerationOptions.builder()
                            .optMaxNewTokens(TOKENS)
                            .optBeams(new BeamOptions(BEAMS, 0, EarlyStopping.NO))
                            .build();
            // Beside another prompt, and alone: the same.
            TextGenerator generator = new TextGenerator(model);
            int[] other = expected.get("input_ids").get(0).toIntArray();
            for (GenerationResult result :
                    List.of(
                            generator.generate(prompt, options, (id, count) -> true),
                            generator
                                    .generate(
                                            List.of(other, prompt),
                                            options,
                                            i -> (id, count) -> true)
                                    .get(1))) {
                assertFound(expected, result);
            }
        }
    }

    private static void assertFound(NDList expected, GenerationResult result) {
        NDArray ids = expected.get("beam4_len12_lastrow");
        float[] scores = expected.get("beam4_len12_scores").toFloatArray();
        assertEquals(BEAMS, result.hypotheses().size());
        for (int i = 0; i < BEAMS; i++) {
            Hypothesis hypothesis = result.hypotheses().get(i);
            assertEquals(Arrays.stream(ids.get(i).toIntArray()).boxed().toList(), hypothesis.ids());
            assertEquals(scores[i], hypothesis.score(), 1e-3);
        }
        assertEquals(
                result.hypotheses().get(0).ids(), Arrays.stream(result.ids()).boxed().toList());
        assertEquals(GenerationResult.Finish.LENGTH, result.finish());
    }
}
