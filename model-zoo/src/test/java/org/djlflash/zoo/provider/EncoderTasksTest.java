package org.djlflash.zoo.provider;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.Device;
import ai.djl.inference.Predictor;
import ai.djl.modality.Classifications;
import ai.djl.modality.Classifications.Classification;
import ai.djl.modality.Input;
import ai.djl.modality.Output;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.nn.Block;
import ai.djl.repository.zoo.Criteria;
import ai.djl.repository.zoo.ZooModel;
import ai.djl.training.ParameterStore;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.djlflash.zoo.bert.BertClassifierBlock;
import org.djlflash.zoo.bert.BertMaskedLanguageBlock;
import org.djlflash.zoo.bert.TinyBert;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;

/** Fill-mask and classification through DJL's Criteria, against the blocks and softmax by hand. */
class EncoderTasksTest {

    private static final String LABELS = "\"id2label\":{\"0\":\"bad\",\"1\":\"good\",\"2\":\"so\"}";

    @TempDir static Path maskedFolder;
    @TempDir static Path classifierFolder;

    @BeforeAll
    static void write() throws Exception {
        TinyBert.writeMasked(maskedFolder, true);
        TinyBert.writeClassifier(classifierFolder, LABELS);
    }

    /** The vocabulary has no [MASK]: a word stands for it. */
    private static <I, O> ZooModel<I, O> masked(Class<I> input, Class<O> output, int topK)
            throws Exception {
        return FlashModelZoo.fillMask(Criteria.builder().setTypes(input, output), maskedFolder)
                .optDevice(Device.cpu())
                .optArgument("maskToken", "light")
                .optArgument("topK", topK)
                .build()
                .loadModel();
    }

    private static <I, O> ZooModel<I, O> classifier(
            Class<I> input, Class<O> output, Map<String, ?> arguments) throws Exception {
        Criteria.Builder<I, O> criteria =
                FlashModelZoo.textClassification(
                        Criteria.builder().setTypes(input, output), classifierFolder);
        arguments.forEach(criteria::optArgument);
        return criteria.optDevice(Device.cpu()).build().loadModel();
    }

    private static double[] softmax(float... logits) {
        double sum = 0;
        for (float logit : logits) {
            sum += Math.exp(logit);
        }
        double[] shares = new double[logits.length];
        for (int i = 0; i < shares.length; i++) {
            shares[i] = Math.exp(logits[i]) / sum;
        }
        return shares;
    }

    private static float[] logits(Block block, NDManager manager, String row, long... ids) {
        NDArray batch = manager.create(ids).expandDims(0);
        NDArray logits =
                block.forward(new ParameterStore(manager, false), new NDList(batch), false)
                        .singletonOrThrow();
        return logits.get(row).toFloatArray();
    }

    private static String word(int id) {
        return id < 4
                ? List.of("[PAD]", "[UNK]", "[CLS]", "[SEP]").get(id)
                : TinyBert.WORDS.get(id - 4);
    }

    @Test
    void findsTheLikeliestWords() throws Exception {
        float[] first;
        float[] second;
        try (NDManager manager = NDManager.newBaseManager(Device.cpu(), "PyTorch")) {
            Block block =
                    BertMaskedLanguageBlock.load(maskedFolder, manager, DataType.FLOAT32, null);
            first = logits(block, manager, "0, 2", 2, 4, 13, 6, 3);
            second = logits(block, manager, "0, 1", 2, 13, 9, 3);
        }
        String[] texts = {"the light said", "Light GO"};
        try (ZooModel<String[], Classifications[]> model =
                        masked(String[].class, Classifications[].class, 14);
                Predictor<String[], Classifications[]> predictor = model.newPredictor()) {
            Classifications[] found = predictor.predict(texts);
            assertWords(softmax(first), found[0]);
            assertWords(softmax(second), found[1]);
        }
        try (ZooModel<String, Classifications> model =
                        masked(String.class, Classifications.class, 3);
                Predictor<String, Classifications> predictor = model.newPredictor()) {
            Classifications found = predictor.predict(texts[1]);
            assertEquals(3, found.getClassNames().size());
            double[] shares = softmax(second);
            double best = found.best().getProbability();
            for (double share : shares) {
                assertTrue(share <= best + 1e-6, share + " beside " + best);
            }
        }
    }

    private static void assertWords(double[] shares, Classifications found) {
        assertEquals(shares.length, found.getClassNames().size());
        for (int id = 0; id < shares.length; id++) {
            if (id >= 4 || id == 1) {
                assertEquals(shares[id], found.get(word(id)).getProbability(), 1e-5);
            }
        }
        List<Double> sorted = new ArrayList<>(found.getProbabilities());
        sorted.sort((a, b) -> Double.compare(b, a));
        assertEquals(sorted, found.getProbabilities());
    }

    @Test
    void aMaskIsNeededOnce() throws Exception {
        try (ZooModel<String, Classifications> model =
                        masked(String.class, Classifications.class, 3);
                Predictor<String, Classifications> predictor = model.newPredictor()) {
            for (String text : List.of("the king", "light light", "", "go ".repeat(20) + "light")) {
                String message =
                        assertThrows(Exception.class, () -> predictor.predict(text)).getMessage();
                assertTrue(message.contains("times light in a text, allowed is once"), message);
            }
        }
    }

    @Test
    void refusesArguments() {
        refused("argument topK is 15, allowed is 1 to 14", () -> masked(15, "light"));
        refused("argument topK is 0", () -> masked(0, "light"));
        refused("argument maskToken is [MASK], allowed is a token", () -> masked(2, "[MASK]"));
        refused("found [[UNK]]", () -> masked(2, "unknown"));
        refused(
                "argument topK is many, allowed is 1 to 3",
                () -> classifier(String.class, Classifications.class, Map.of("topK", "many")));
        refused(
                "allowed are String to Classifications",
                () ->
                        new FillMaskTranslatorFactory()
                                .newInstance(String.class, String.class, null, Map.of()));
    }

    private static void masked(int topK, String mask) throws Exception {
        FlashModelZoo.fillMask(
                        Criteria.builder().setTypes(String.class, Classifications.class),
                        maskedFolder)
                .optDevice(Device.cpu())
                .optArgument("maskToken", mask)
                .optArgument("topK", topK)
                .build()
                .loadModel()
                .close();
    }

    private static void refused(String part, Executable call) {
        Throwable error = assertThrows(Exception.class, call);
        StringBuilder messages = new StringBuilder();
        for (Throwable cause = error; cause != null; cause = cause.getCause()) {
            messages.append(cause.getMessage()).append('\n');
        }
        assertTrue(messages.toString().contains(part), messages.toString());
    }

    @Test
    void tellsLabels() throws Exception {
        double[] shares;
        try (NDManager manager = NDManager.newBaseManager(Device.cpu(), "PyTorch")) {
            Block block =
                    BertClassifierBlock.load(classifierFolder, manager, DataType.FLOAT32, null);
            shares = softmax(logits(block, manager, "0", 2, 4, 5, 3));
        }
        List<String> names = List.of("bad", "good", "so");
        try (ZooModel<String, Classifications> model =
                        classifier(String.class, Classifications.class, Map.of("topK", 2));
                Predictor<String, Classifications> predictor = model.newPredictor()) {
            Classifications found = predictor.predict("the king");
            assertEquals(names, found.getClassNames());
            for (int i = 0; i < shares.length; i++) {
                assertEquals(shares[i], found.getProbabilities().get(i), 1e-6);
            }
            assertEquals(2, found.topK().size());
            assertEquals(
                    found.items().stream()
                            .mapToDouble(Classification::getProbability)
                            .max()
                            .orElseThrow(),
                    found.best().getProbability());
        }
    }

    @Test
    void speaksAsDjlServingExpects() throws Exception {
        ObjectMapper mapper = new ObjectMapper();
        try (ZooModel<Input, Output> model = classifier(Input.class, Output.class, Map.of());
                Predictor<Input, Output> predictor = model.newPredictor()) {
            JsonNode one = mapper.readTree(answer(predictor, "{\"inputs\":\"the king\"}"));
            JsonNode list =
                    mapper.readTree(answer(predictor, "{\"inputs\":[\"go\",\"the king\"]}"));
            assertEquals(2, list.size());
            assertEquals(3, one.size());
            for (int i = 0; i < 3; i++) {
                JsonNode beside = list.get(1).get(i);
                assertEquals(one.get(i).get("className"), beside.get("className"));
                assertEquals(
                        one.get(i).get("probability").asDouble(),
                        beside.get("probability").asDouble(),
                        1e-6);
            }
            refused(
                    "allowed are none",
                    () ->
                            answer(
                                    predictor,
                                    "{\"inputs\":\"a\",\"parameters\":{\"details\":true}}"));
        }
    }

    static String answer(Predictor<Input, Output> predictor, String json) throws Exception {
        Input input = new Input();
        input.addProperty("Content-Type", "application/json");
        input.add(json);
        return predictor.predict(input).getData().getAsString();
    }

    /** A tokenizer that knows more than the model. */
    @Test
    void refusesTokensThatTheModelDoesNotHave(@TempDir Path folder) throws Exception {
        TinyBert.writeClassifier(folder, LABELS);
        Path tokenizer = folder.resolve("tokenizer.json");
        Files.writeString(
                tokenizer, Files.readString(tokenizer).replace("\"light\":13", "\"light\":14"));
        try (ZooModel<String, Classifications> model =
                        FlashModelZoo.textClassification(
                                        Criteria.builder()
                                                .setTypes(String.class, Classifications.class),
                                        folder)
                                .optDevice(Device.cpu())
                                .build()
                                .loadModel();
                Predictor<String, Classifications> predictor = model.newPredictor()) {
            refused("token id 14, allowed is 0 to 13", () -> predictor.predict("the light"));
        }
    }

    @Test
    void eightThreadsAreAsOne() throws Exception {
        try (ZooModel<String, Classifications> model =
                classifier(String.class, Classifications.class, Map.of())) {
            List<String> texts = List.of("the king", "go out and see", "light", "said unto them");
            List<List<Double>> expected = all(model, texts);
            ExecutorService threads = Executors.newFixedThreadPool(8);
            try {
                List<Future<List<List<Double>>>> results = new ArrayList<>();
                for (int i = 0; i < 8; i++) {
                    results.add(threads.submit(() -> all(model, texts)));
                }
                for (Future<List<List<Double>>> result : results) {
                    assertEquals(expected, result.get());
                }
            } finally {
                threads.shutdownNow();
            }
        }
    }

    private static List<List<Double>> all(
            ZooModel<String, Classifications> model, List<String> texts) throws Exception {
        try (Predictor<String, Classifications> predictor = model.newPredictor()) {
            List<List<Double>> results = new ArrayList<>();
            for (int i = 0; i < 40; i++) {
                results.add(predictor.predict(texts.get(i % texts.size())).getProbabilities());
            }
            return results;
        }
    }
}
