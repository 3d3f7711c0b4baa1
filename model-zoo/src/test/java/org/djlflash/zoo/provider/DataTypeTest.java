package org.djlflash.zoo.provider;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.Device;
import ai.djl.inference.Predictor;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.repository.zoo.Criteria;
import ai.djl.repository.zoo.ZooModel;
import ai.djl.util.Pair;
import com.fasterxml.jackson.databind.JsonNode;
import org.djlflash.zoo.gpt2.Gpt2;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The embedded model in half precision against what it computes in single precision. */
class DataTypeTest {

    private static Gpt2 load(DataType type) throws Exception {
        return Gpt2.load(EmbeddedModel.unpack(), Device.cpu(), type, null);
    }

    @Test
    void halfPrecisionContinuesAsSingleDoes() throws Exception {
        try (Gpt2 model = load(DataType.FLOAT16)) {
            double sum = 0;
            for (Continuations.Case c : Continuations.all()) {
                sum += c.sharedPrefix(c.generate(model));
            }
            double share = sum / Continuations.all().length;
            assertTrue(share >= 0.95, "share of equal tokens " + share);
        }
    }

    @Test
    void logitsAreFloat32AndClose() throws Exception {
        int[] prompt = Continuations.all()[1].prompt();
        try (Gpt2 half = load(DataType.FLOAT16);
                Gpt2 single = load(DataType.FLOAT32);
                NDManager manager = half.manager().newSubManager()) {
            assertEquals(DataType.FLOAT16, half.block().dataType());
            assertEquals(DataType.FLOAT32, single.block().dataType());
            NDArray ids =
                    manager.create(prompt)
                            .toType(DataType.INT64, false)
                            .reshape(new Shape(1, prompt.length));
            NDArray logits = half.logits(ids);
            assertEquals(DataType.FLOAT32, logits.getDataType());
            float[] expected = single.logits(ids).toFloatArray();
            float[] actual = logits.toFloatArray();
            double largest = 0;
            double off = 0;
            for (int i = 0; i < expected.length; i++) {
                largest = Math.max(largest, Math.abs(expected[i]));
                off = Math.max(off, Math.abs(expected[i] - actual[i]));
            }
            // It is in half precision, and no worse than that.
            assertTrue(off > 1e-5 * largest && off < 1e-2 * largest, off + " of " + largest);
        }
    }

    @ParameterizedTest
    @EnumSource(
            value = DataType.class,
            names = {"FLOAT64", "BFLOAT16", "INT32"})
    void otherTypesAreRefused(DataType type) {
        String message =
                assertThrows(IllegalArgumentException.class, () -> load(type)).getMessage();
        assertEquals("parameters are FLOAT32 or FLOAT16, found " + type, message);
    }

    private static Criteria<String, String> criteria(String type) {
        return Criteria.builder()
                .setTypes(String.class, String.class)
                .optGroupId(FlashModelZoo.GROUP_ID)
                .optArtifactId(EmbeddedModel.NAME)
                .optDevice(Device.cpu())
                .optArgument("dataType", type)
                .build();
    }

    @Test
    void criteriaChooseTheType() throws Exception {
        JsonNode prompt = EmbeddedModelTest.prompts().get(1);
        try (ZooModel<String, String> model = criteria("float16").loadModel();
                Predictor<String, String> predictor = model.newPredictor()) {
            for (Pair<String, ai.djl.nn.Parameter> parameter : model.getBlock().getParameters()) {
                assertEquals(
                        DataType.FLOAT16,
                        parameter.getValue().getArray().getDataType(),
                        parameter.getKey());
            }
            String text = prompt.get("prompt").asText();
            assertEquals(prompt.get("text").asText(), text + predictor.predict(text));
        }
    }

    @Test
    void criteriaRefuseOtherTypes() {
        String message =
                assertThrows(IllegalArgumentException.class, () -> criteria("int8").loadModel())
                        .getMessage();
        assertEquals("argument dataType is int8, allowed is float32 or float16", message);
    }
}
