package org.djlflash.zoo.provider;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.Device;
import ai.djl.inference.Predictor;
import ai.djl.modality.Input;
import ai.djl.modality.Output;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.types.DataType;
import ai.djl.repository.zoo.Criteria;
import ai.djl.repository.zoo.ModelNotFoundException;
import ai.djl.repository.zoo.ZooModel;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.djlflash.zoo.bert.Bert;
import org.djlflash.zoo.bert.TinyBert;
import org.djlflash.zoo.embed.EmbeddingOptions;
import org.djlflash.zoo.embed.Pooling;
import org.djlflash.zoo.embed.TextEmbedder;
import org.djlflash.zoo.embed.TokenIds;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A small BERT through DJL's Criteria, against the token ids that its tokenizer should give. */
class TextEmbeddingTest {

    @TempDir static Path folder;

    @BeforeAll
    static void write() throws Exception {
        TinyBert.write(folder, true);
    }

    private static <I, O> Criteria<I, O> criteria(
            Class<I> input, Class<O> output, Map<String, ?> arguments) {
        Criteria.Builder<I, O> builder =
                FlashModelZoo.textEmbedding(Criteria.builder().setTypes(input, output), folder);
        arguments.forEach(builder::optArgument);
        return builder.optDevice(Device.cpu()).build();
    }

    private static float[] expected(EmbeddingOptions options, long... ids) throws Exception {
        try (Bert model = Bert.load(folder, Device.cpu(), DataType.FLOAT32, null)) {
            return new TextEmbedder(model, options).embed(List.of(new TokenIds(ids)))[0];
        }
    }

    @Test
    void specialTokensAndTruncation() throws Exception {
        String[] texts = {"Said THE, king", "", "the king ".repeat(20)};
        try (ZooModel<String[], float[][]> model =
                        criteria(String[].class, float[][].class, Map.of("maxTokens", 6))
                                .loadModel();
                Predictor<String[], float[][]> predictor = model.newPredictor()) {
            float[][] vectors = predictor.predict(texts);
            EmbeddingOptions options = new EmbeddingOptions(Pooling.MEAN, false, 12);
            assertArrayEquals(expected(options, 2, 6, 4, 1, 5, 3), vectors[0], 1e-6f);
            assertArrayEquals(expected(options, 2, 3), vectors[1], 1e-6f);
            assertArrayEquals(expected(options, 2, 4, 5, 4, 5, 3), vectors[2], 1e-6f);
            assertEquals(0, predictor.predict(new String[0]).length);
        }
    }

    @Test
    void argumentsChoose() throws Exception {
        Map<String, ?> arguments =
                Map.of("pooling", "pooler", "normalize", "true", "dataType", "float16");
        try (ZooModel<String, float[]> model =
                        criteria(String.class, float[].class, arguments).loadModel();
                Predictor<String, float[]> predictor = model.newPredictor()) {
            float[] expected = expected(new EmbeddingOptions(Pooling.POOLER, true, 12), 2, 4, 5, 3);
            assertArrayEquals(expected, predictor.predict("the king"), 1e-2f);
            assertEquals(
                    DataType.FLOAT16,
                    model.getBlock().getParameters().valueAt(0).getArray().getDataType());
        }
    }

    @Test
    void filesOfSentenceTransformersChoose(@TempDir Path other) throws Exception {
        TinyBert.write(other, false);
        Files.writeString(
                other.resolve("modules.json"),
                """
                [{"path":"","type":"sentence_transformers.models.Transformer"},
                {"path":"1_Pooling","type":"sentence_transformers.models.Pooling"},
                {"path":"2_Normalize","type":"sentence_transformers.models.Normalize"}]
                """);
        Files.writeString(
                Files.createDirectory(other.resolve("1_Pooling")).resolve("config.json"),
                "{\"pooling_mode_cls_token\":true}");
        try (ZooModel<String, float[]> model =
                FlashModelZoo.textEmbedding(
                                Criteria.builder().setTypes(String.class, float[].class), other)
                        .optDevice(Device.cpu())
                        .build()
                        .loadModel()) {
            assertEquals(
                    new EmbeddingOptions(Pooling.CLS, true, 12),
                    ((EmbeddingBlock) model.getBlock()).options());
        }
    }

    @Test
    void speaksAsDjlServingExpects() throws Exception {
        ObjectMapper mapper = new ObjectMapper();
        try (ZooModel<Input, Output> model =
                        criteria(Input.class, Output.class, Map.of()).loadModel();
                Predictor<Input, Output> predictor = model.newPredictor()) {
            float[] expected = expected(new EmbeddingOptions(Pooling.MEAN, false, 12), 2, 4, 5, 3);
            String one = EncoderTasksTest.answer(predictor, "{\"inputs\":\"the king\"}");
            assertArrayEquals(expected, mapper.readValue(one, float[].class), 1e-6f);
            String two = EncoderTasksTest.answer(predictor, "{\"inputs\":[\"go\",\"the king\"]}");
            assertArrayEquals(expected, mapper.readValue(two, float[][].class)[1], 1e-6f);
        }
    }

    @Test
    void refusesArgumentsAndTypes() {
        refused("pooling is max", Map.of("pooling", "max"));
        refused("maxTokens is 13", Map.of("maxTokens", 13));
        refused("dataType is int8", Map.of("dataType", "int8"));
        assertThrows(
                ModelNotFoundException.class,
                () -> criteria(String.class, String.class, Map.of()).loadModel());
    }

    private static void refused(String part, Map<String, ?> arguments) {
        String message =
                assertThrows(
                                IllegalArgumentException.class,
                                () -> criteria(String.class, float[].class, arguments).loadModel())
                        .getMessage();
        assertTrue(message.contains(part), message);
    }

    @Test
    void theBlockRefusesWhatIsNotPacked() throws Exception {
        try (Bert model = Bert.load(folder, Device.cpu(), DataType.FLOAT32, null)) {
            EmbeddingBlock block =
                    new EmbeddingBlock(model, new EmbeddingOptions(Pooling.CLS, false, 12));
            var scope = model.manager();
            var store = new ai.djl.training.ParameterStore(scope, false);
            NDList packed =
                    EmbeddingBlock.pack(scope, List.of(new TokenIds(2, 5), new TokenIds(3)));
            assertEquals(2, block.forward(store, packed, false).head().getShape().get(0));
            for (long[] lengths : new long[][] {{2, 2}, {3, 0}, {4, -1}}) {
                NDList wrong = new NDList(packed.get(0), packed.get(1), scope.create(lengths));
                assertThrows(
                        IllegalArgumentException.class, () -> block.forward(store, wrong, false));
            }
        }
    }
}
