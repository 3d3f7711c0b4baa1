package org.djlflash.zoo.provider;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.Device;
import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import ai.djl.inference.Predictor;
import ai.djl.ndarray.NDManager;
import ai.djl.repository.zoo.Criteria;
import ai.djl.repository.zoo.ZooModel;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.LongStream;
import java.util.stream.StreamSupport;
import org.djlflash.zoo.Tokenizers;
import org.djlflash.zoo.evaluate.Perplexity;
import org.djlflash.zoo.generate.GenerationOptions;
import org.djlflash.zoo.generate.GenerationResult;
import org.djlflash.zoo.generate.GenerationResult.Finish;
import org.djlflash.zoo.generate.TextGenerator;
import org.djlflash.zoo.generate.sampling.SamplingOptions;
import org.djlflash.zoo.gpt2.Gpt2;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The model in the jar against what Hugging Face transformers computes with it. */
class EmbeddedModelTest {

    private static Gpt2 model;
    private static HuggingFaceTokenizer tokenizer;

    @BeforeAll
    static void load() throws Exception {
        Path folder = EmbeddedModel.unpack();
        model = Gpt2.load(folder, Device.cpu(), null);
        tokenizer = Tokenizers.open(folder);
    }

    @AfterAll
    static void close() {
        model.close();
        tokenizer.close();
    }

    private static InputStream resource(String name) {
        return EmbeddedModelTest.class.getResourceAsStream("/gpt2-kjv-6m/" + name);
    }

    static JsonNode expected() throws IOException {
        try (InputStream stream = resource("expected.json")) {
            return new ObjectMapper().readTree(stream);
        }
    }

    static List<JsonNode> prompts() throws IOException {
        return StreamSupport.stream(expected().get("prompts").spliterator(), false).toList();
    }

    static int[] ints(JsonNode array) {
        return StreamSupport.stream(array.spliterator(), false).mapToInt(JsonNode::asInt).toArray();
    }

    @ParameterizedTest
    @MethodSource("prompts")
    void continuesEveryPromptGreedily(JsonNode prompt) {
        int[] ids =
                LongStream.of(tokenizer.encode(prompt.get("prompt").asText()).getIds())
                        .mapToInt(Math::toIntExact)
                        .toArray();
        assertArrayEquals(ints(prompt.get("ids")), ids);
        GenerationResult result =
                new TextGenerator(model)
                        .generate(ids, GenerationOptions.greedy(48), (id, count) -> true);
        assertArrayEquals(ints(prompt.get("greedy48")), result.ids());
        assertEquals(Finish.LENGTH, result.finish());
    }

    @Test
    void perplexityOfTheValidationText() throws IOException {
        JsonNode expected = expected();
        List<Long> ids = new ArrayList<>();
        try (BufferedReader reader =
                new BufferedReader(
                        new InputStreamReader(resource("val.txt"), StandardCharsets.UTF_8))) {
            for (String line = reader.readLine(); line != null; line = reader.readLine()) {
                LongStream.of(tokenizer.encode(line + "\n").getIds()).forEach(ids::add);
            }
        }
        Perplexity measured =
                Perplexity.measure(
                        model, ids.stream().mapToLong(Long::longValue).toArray(), 512, null);
        assertEquals(expected.get("val_windows").asInt(), measured.windows());
        assertEquals(
                expected.get("val_loss_nats_per_token").asDouble(), measured.natsPerToken(), 0.002);
    }

    @Test
    void criteriaLoadIt() throws Exception {
        JsonNode prompt = prompts().get(1);
        Criteria<String, String> criteria =
                Criteria.builder()
                        .setTypes(String.class, String.class)
                        .optGroupId(FlashModelZoo.GROUP_ID)
                        .optArtifactId(EmbeddedModel.NAME)
                        .optDevice(Device.cpu())
                        .optArgument("maxNewTokens", 48)
                        .build();
        try (ZooModel<String, String> zooModel = criteria.loadModel()) {
            String wanted =
                    prompt.get("text").asText().substring(prompt.get("prompt").asText().length());
            ExecutorService pool = Executors.newFixedThreadPool(4);
            Callable<String> task =
                    () -> {
                        try (Predictor<String, String> predictor = zooModel.newPredictor()) {
                            return predictor.predict(prompt.get("prompt").asText());
                        }
                    };
            for (Future<String> text : pool.invokeAll(List.of(task, task, task, task))) {
                assertEquals(wanted, text.get());
            }
            pool.shutdown();
        }
    }

    @Test
    void samplingRepeatsWithItsSeed() {
        int[] prompt = {296, 259, 410};
        GenerationOptions options =
                GenerationOptions.builder()
                        .optMaxNewTokens(32)
                        .optSampling(
                                SamplingOptions.builder()
                                        .optTemperature(0.9)
                                        .optTopK(50)
                                        .optTopP(0.95)
                                        .optSeed(7)
                                        .build())
                        .build();
        TextGenerator generator = new TextGenerator(model);
        int[] first = generator.generate(prompt, options, (id, count) -> true).ids();
        int[] second = generator.generate(prompt, options, (id, count) -> true).ids();
        assertArrayEquals(first, second);
    }

    @Test
    void theListenerCancels() {
        GenerationResult result =
                new TextGenerator(model)
                        .generate(
                                new int[] {296},
                                GenerationOptions.greedy(100),
                                (id, count) -> count < 5);
        assertEquals(5, result.ids().length);
        assertEquals(Finish.CANCELLED, result.finish());
    }

    @Test
    void refusesWhatDoesNotFit() {
        TextGenerator generator = new TextGenerator(model);
        GenerationOptions greedy = GenerationOptions.greedy(1);
        assertRefused("prompt of 0 tokens", () -> generator.generate(new int[0], greedy, null));
        assertRefused("token id 4096", () -> generator.generate(new int[] {4096}, greedy, null));
        assertRefused("token id -1", () -> generator.generate(new int[] {-1}, greedy, null));
        assertRefused("maxNewTokens is 0", () -> GenerationOptions.greedy(0));
        assertRefused(
                "512 in all",
                () -> generator.generate(new int[500], GenerationOptions.greedy(13), null));
        assertRefused("window of 513", () -> Perplexity.measure(model, new long[600], 513, null));
        assertRefused("text of 10", () -> Perplexity.measure(model, new long[10], 11, null));
        assertRefused(
                "token id 5000", () -> Perplexity.measure(model, new long[] {1, 5000}, 2, null));
    }

    private static void assertRefused(String text, org.junit.jupiter.api.function.Executable call) {
        String message = assertThrows(IllegalArgumentException.class, call).getMessage();
        assertTrue(message.contains(text) && message.contains("allowed"), message);
    }

    @Test
    void nothingStaysOnTheModelsManager() {
        NDManager manager = model.manager();
        int before = manager.getManagedArrays().size();
        new TextGenerator(model)
                .generate(new int[] {296}, GenerationOptions.greedy(20), (id, count) -> true);
        assertEquals(before, manager.getManagedArrays().size());
    }

    @Test
    void unpackingMendsADamagedFileAndLeavesAGoodOne(@TempDir Path folder) throws IOException {
        EmbeddedModel.unpackTo(folder);
        Path weights = folder.resolve("model.safetensors");
        Path config = folder.resolve("config.json");
        FileTime old = FileTime.fromMillis(0);
        Files.setLastModifiedTime(weights, old);
        Files.writeString(config, "damaged");
        EmbeddedModel.unpackTo(folder);
        assertEquals(old, Files.getLastModifiedTime(weights));
        assertTrue(Files.readString(config).contains("\"gpt2\""));
        try (var files = Files.list(folder)) {
            assertEquals(5, files.count());
        }
    }
}
