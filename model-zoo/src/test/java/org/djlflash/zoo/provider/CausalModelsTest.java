package org.djlflash.zoo.provider;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.Device;
import ai.djl.MalformedModelException;
import ai.djl.inference.Predictor;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.repository.zoo.Criteria;
import ai.djl.repository.zoo.ZooModel;
import ai.djl.translate.NoopTranslator;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import org.djlflash.torch.TorchLibrary;
import org.djlflash.zoo.SharedModels;
import org.djlflash.zoo.decoder.DecoderModel;
import org.djlflash.zoo.gpt2.Gpt2Block;
import org.djlflash.zoo.llama.LlamaBlock;
import org.djlflash.zoo.weights.SafetensorsCopy;
import org.djlflash.zoo.weights.SafetensorsCopy.Tensor;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Folders of models, right ones and wrong ones. */
class CausalModelsTest {

    private static final ObjectMapper MAPPER = new ObjectMapper();
    private static final long[] IDS = {5, 1, 900, 33, 5, 7};
    private static final String HEAD = "lm_head.weight";
    private static final String EMBEDDING = "model.embed_tokens.weight";

    @TempDir Path folder;
    private final Path origin = SharedModels.folder("llama-random-gqa4");
    private Map<String, Tensor> tensors;

    @BeforeEach
    void copy() throws IOException {
        Files.copy(origin.resolve("config.json"), folder.resolve("config.json"));
        tensors = SafetensorsCopy.read(origin.resolve("model.safetensors"));
    }

    private void write() throws IOException {
        SafetensorsCopy.write(tensors, folder.resolve("model.safetensors"));
    }

    private void configure(String key, String value) throws IOException {
        Path file = folder.resolve("config.json");
        ObjectNode config = (ObjectNode) MAPPER.readTree(file.toFile());
        config.set(key, MAPPER.readTree(value));
        MAPPER.writeValue(file.toFile(), config);
    }

    private static DecoderModel<?> load(Path folder) throws Exception {
        return CausalModels.load(folder, Device.cpu(), DataType.FLOAT32, null);
    }

    private static float[] logits(Path folder) throws Exception {
        try (DecoderModel<?> model = load(folder)) {
            return model.logits(model.manager().create(IDS, new Shape(1, IDS.length)))
                    .toFloatArray();
        }
    }

    private void refused(String... parts) {
        String message =
                assertThrows(MalformedModelException.class, () -> load(folder)).getMessage();
        for (String part : parts) {
            assertTrue(message.contains(part), message);
        }
    }

    @Test
    void theConfigurationChoosesTheModel() throws Exception {
        try (DecoderModel<?> llama = load(origin);
                DecoderModel<?> gpt2 = load(EmbeddedModel.unpack())) {
            assertInstanceOf(LlamaBlock.class, llama.block());
            assertInstanceOf(Gpt2Block.class, gpt2.block());
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = ';',
            value = {"\"bert\"; found \"bert\"", "3; a string, found 3", "null; found null"})
    void otherModelsAreRefused(String type, String found) throws Exception {
        configure("model_type", type);
        refused("config.json: \"model_type\" must be", found);
    }

    @Test
    void theRefusalListsWhatIsSupported() throws Exception {
        configure("model_type", "\"mistral\"");
        refused("\"model_type\" must be gpt2 or llama, found \"mistral\"");
    }

    @Test
    void criteriaGenerate() throws Exception {
        Criteria<NDList, NDList> criteria =
                FlashModelZoo.textGeneration(
                                Criteria.builder().setTypes(NDList.class, NDList.class), origin)
                        .optTranslatorFactory(null)
                        .optTranslator(new NoopTranslator())
                        .optArgument("maxNewTokens", 24)
                        .optDevice(Device.cpu())
                        .build();
        try (ZooModel<NDList, NDList> model = criteria.loadModel();
                Predictor<NDList, NDList> predictor = model.newPredictor();
                NDManager manager = NDManager.newBaseManager(Device.cpu(), TorchLibrary.ENGINE);
                InputStream stream = Files.newInputStream(origin.resolve("expected.safetensors"))) {
            NDList expected = NDList.decode(manager, stream);
            int length = expected.get("lengths").toIntArray()[1];
            NDList prompt =
                    new NDList(
                            expected.get("input_ids")
                                    .get("1:2, :" + length)
                                    .toType(DataType.INT64, false));
            assertArrayEquals(
                    expected.get("greedy_row1").toType(DataType.INT64, false).toLongArray(),
                    predictor.predict(prompt).singletonOrThrow().toLongArray());
        }
    }

    /** Deals the tensors out to three files, and returns the index. */
    private ObjectNode shards() throws IOException {
        ObjectNode map = MAPPER.createObjectNode();
        for (int shard = 0; shard < 3; shard++) {
            Map<String, Tensor> part = new LinkedHashMap<>();
            int i = 0;
            for (Map.Entry<String, Tensor> entry : tensors.entrySet()) {
                if (i++ % 3 == shard) {
                    part.put(entry.getKey(), entry.getValue());
                    map.put(entry.getKey(), shard(shard));
                }
            }
            SafetensorsCopy.write(part, folder.resolve(shard(shard)));
        }
        return map;
    }

    private static String shard(int shard) {
        return "model-0000" + (shard + 1) + "-of-00003.safetensors";
    }

    private void index(ObjectNode map) throws IOException {
        ObjectNode index = MAPPER.createObjectNode();
        index.putObject("metadata").put("total_size", 2_707_968);
        index.set("weight_map", map);
        MAPPER.writeValue(folder.resolve("model.safetensors.index.json").toFile(), index);
    }

    @Test
    void shardsAreOneModel() throws Exception {
        index(shards());
        assertArrayEquals(logits(origin), logits(folder));
    }

    @Test
    void shardsMustBeWhatTheIndexSays() throws Exception {
        ObjectNode map = shards();
        String last = "model.norm.weight";
        String right = map.get(last).asText();
        map.put(last, right.equals(shard(0)) ? shard(1) : shard(0));
        index(map);
        refused("says that \"" + last + "\" is in", "where it is not");
        map.put(last, "../" + right);
        index(map);
        refused("plain name of a .safetensors file, found \"../" + right);
        map.put(last, right);
        map.put("model.norm.bias", right);
        index(map);
        refused("says that \"model.norm.bias\" is in " + right);
        map.remove("model.norm.bias");
        index(map);
        Files.delete(folder.resolve(shard(2)));
        refused(shard(2) + " is missing");
        Files.copy(folder.resolve(shard(1)), folder.resolve(shard(2)));
        refused("is in two files, " + shard(1) + " and " + shard(2));
    }

    @Test
    void bfloat16IsConverted() throws Exception {
        tensors.replaceAll((name, tensor) -> tensor.rounded());
        write();
        float[] expected = logits(folder);
        tensors.replaceAll((name, tensor) -> tensor.bfloat16());
        write();
        assertArrayEquals(expected, logits(folder));
        assertNotEquals(logits(origin)[0], expected[0]);
    }

    @Test
    void aTiedHeadIsTheEmbedding() throws Exception {
        tensors.put(HEAD, tensors.get(EMBEDDING));
        write();
        float[] expected = logits(folder);
        configure("tie_word_embeddings", "true");
        assertArrayEquals(expected, logits(folder));
        tensors.remove(HEAD);
        write();
        assertArrayEquals(expected, logits(folder));
        configure("tie_word_embeddings", "false");
        refused("1 of 30 weights do not fit", '"' + HEAD + "\" for parameter outputEmbedding");
    }

    @Test
    void tensorsThatDoNotFitAreNamed() throws Exception {
        String query = "model.layers.1.self_attn.q_proj.weight";
        String key = "model.layers.2.self_attn.k_proj.weight";
        String norm = "model.norm.weight";
        tensors.remove(query);
        tensors.computeIfPresent(key, (name, tensor) -> tensor.withShape("[64,64]"));
        tensors.computeIfPresent(norm, (name, tensor) -> tensor.withType("I32"));
        write();
        refused(
                "3 of 30 weights do not fit",
                '"' + query + "\" for parameter weight is missing",
                '"' + key + "\" for parameter weight of shape (32, 128) has shape (64, 64)",
                '"' + norm + "\" for parameter outputNorm is I32, must be F64, F32, F16 or BF16");
    }

    @Test
    void tensorsTooManyAreLeftOut() throws Exception {
        Tensor norm = tensors.get("model.norm.weight");
        tensors.put("model.layers.0.self_attn.rotary_emb.inv_freq", norm);
        tensors.put("model.layers.0.self_attn.q_proj.lora_A", norm);
        write();
        assertArrayEquals(logits(origin), logits(folder));
    }

    /** What is too large is seen in the headers, before anything is read. */
    @ParameterizedTest
    @CsvSource(
            delimiter = ';',
            value = {
                "num_hidden_layers; 4096; 36837 of 36867 weights do not fit",
                "vocab_size; 16777216; must have (16777216, 128)",
                "num_key_value_heads; 8; must have (128, 128)",
                "head_dim; 4096; must have (32768, 128)",
                "intermediate_size; 1048576; must have (1048576, 128)"
            })
    void largerThanTheWeights(String key, String value, String message) throws Exception {
        write();
        configure(key, value);
        refused(message);
    }

    @Test
    void shapesOfTheModel() throws Exception {
        try (DecoderModel<?> model = load(origin)) {
            assertEquals(1009, model.vocabularySize());
            assertEquals(256, model.maxPositions());
            assertEquals(2, model.attentionRequest(1, 9).keyHeads());
            assertEquals(8, model.attentionRequest(1, 9).queryHeads());
            assertEquals(16, model.attentionRequest(1, 9).headSize());
        }
    }
}
