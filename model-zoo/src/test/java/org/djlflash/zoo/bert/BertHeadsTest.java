package org.djlflash.zoo.bert;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.Device;
import ai.djl.MalformedModelException;
import ai.djl.engine.Engine;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Parameter;
import ai.djl.training.GradientCollector;
import ai.djl.training.ParameterStore;
import ai.djl.util.Pair;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.djlflash.zoo.bert.ClassifierConfig.Scoring;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The heads of BERT against their definition in double precision. */
class BertHeadsTest {

    private static final long[][] IDS = {{2, 5, 7, 1, 13, 3}, {2, 9, 3}};
    private static final long[][] TYPES = {{0, 0, 0, 1, 1, 1}, {0, 0, 1}};

    @TempDir Path folder;
    private NDManager manager;

    @BeforeEach
    void open() {
        manager = NDManager.newBaseManager(Device.cpu(), "PyTorch");
    }

    @AfterEach
    void close() {
        manager.close();
    }

    /** Both rows, the second one padded with what should not show. */
    private NDList batch() {
        return new NDList(
                manager.create(new long[] {2, 5, 7, 1, 13, 3, 2, 9, 3, 8, 8, 8}, new Shape(2, 6)),
                manager.create(new long[] {0, 0, 0, 1, 1, 1, 0, 0, 1, 0, 0, 0}, new Shape(2, 6)),
                manager.create(new int[] {1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0}, new Shape(2, 6)));
    }

    private NDArray logits(BertHeadBlock block) {
        return block.forward(new ParameterStore(manager, false), batch(), false).singletonOrThrow();
    }

    private BertInDouble reference() throws Exception {
        return new BertInDouble(TinyBert.CONFIG, TinyBert.weights(folder, manager));
    }

    private static void assertClose(double[] expected, float[] actual, double tolerance) {
        assertEquals(expected.length, actual.length);
        for (int i = 0; i < expected.length; i++) {
            assertEquals(expected[i], actual[i], tolerance);
        }
    }

    @ParameterizedTest
    @CsvSource({"true, FLOAT32, 2e-5", "false, FLOAT32, 2e-5", "true, FLOAT16, 5e-2"})
    void wordsBehindTokens(boolean tied, DataType type, double tolerance) throws Exception {
        TinyBert.writeMasked(folder, tied);
        BertMaskedLanguageBlock block = BertMaskedLanguageBlock.load(folder, manager, type, null);
        NDArray logits = logits(block);
        assertEquals(DataType.FLOAT32, logits.getDataType());
        assertEquals(new Shape(2, 6, 14), logits.getShape());
        BertInDouble reference = reference();
        for (int row = 0; row < IDS.length; row++) {
            double[][] expected = reference.words(IDS[row], TYPES[row]);
            for (int t = 0; t < expected.length; t++) {
                assertClose(expected[t], logits.get(row, t).toFloatArray(), tolerance);
            }
        }
    }

    @ParameterizedTest
    @CsvSource({"FLOAT32, 2e-5", "FLOAT16, 3e-2"})
    void labelsOfTexts(DataType type, double tolerance) throws Exception {
        TinyBert.writeClassifier(folder, "\"id2label\":{\"0\":\"a\",\"1\":\"b\",\"2\":\"c\"}");
        BertClassifierBlock block = BertClassifierBlock.load(folder, manager, type, null);
        assertEquals(List.of("a", "b", "c"), block.labels().names());
        NDArray logits = logits(block);
        assertEquals(DataType.FLOAT32, logits.getDataType());
        BertInDouble reference = reference();
        for (int row = 0; row < IDS.length; row++) {
            assertClose(
                    reference.labels(IDS[row], TYPES[row]),
                    logits.get(row).toFloatArray(),
                    tolerance);
        }
    }

    /** A checkpoint before training has both heads, the bias twice, and a pooler. */
    @Test
    void leavesOutWhatBelongsToOtherTasks() throws Exception {
        TinyBert.writeMasked(folder, true);
        float[] expected =
                logits(BertMaskedLanguageBlock.load(folder, manager, DataType.FLOAT32, null))
                        .toFloatArray();
        Map<String, NDArray> tensors = TinyBert.weights(folder, manager);
        Shape other = new Shape(14, 8);
        tensors.put("cls.predictions.decoder.weight", manager.ones(other));
        tensors.put("cls.predictions.decoder.bias", tensors.get("cls.predictions.bias").add(0));
        tensors.put("cls.seq_relationship.weight", manager.ones(other));
        tensors.put("bert.pooler.dense.weight", manager.ones(other));
        TinyBert.writeWeights(tensors, folder);
        assertArrayEquals(
                expected,
                logits(BertMaskedLanguageBlock.load(folder, manager, DataType.FLOAT32, null))
                        .toFloatArray());
    }

    @Test
    void missingHeadsAreNamed() throws Exception {
        TinyBert.write(folder, true);
        refused(
                "\"cls.predictions.transform.dense.weight\" for parameter",
                () -> BertMaskedLanguageBlock.load(folder, manager, DataType.FLOAT32, null));
        refused(
                "\"classifier.weight\" for parameter",
                () -> BertClassifierBlock.load(folder, manager, DataType.FLOAT32, null));
        TinyBert.writeClassifier(folder, "\"num_labels\":3");
        Files.writeString(
                folder.resolve("config.json"),
                Files.readString(folder.resolve("config.json")).replace(":3", ":4"));
        refused(
                "has shape (3, 8), must have (4, 8)",
                () -> BertClassifierBlock.load(folder, manager, DataType.FLOAT32, null));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "\"num_labels\":3 | [LABEL_0, LABEL_1, LABEL_2] | SINGLE_LABEL",
                "\"x\":0 | [LABEL_0, LABEL_1] | SINGLE_LABEL",
                "\"id2label\":{\"1\":\"yes\",\"0\":\"no\"} | [no, yes] | SINGLE_LABEL",
                "\"id2label\":{\"0\":\"spam\"} | [spam] | MULTI_LABEL",
                "\"num_labels\":1,\"problem_type\":\"regression\" | [LABEL_0] | REGRESSION",
                "\"problem_type\":\"multi_label_classification\" | [LABEL_0, LABEL_1] |"
                        + " MULTI_LABEL",
            })
    void labelsOfConfigurations(String keys, String names, Scoring scoring) throws Exception {
        TinyBert.writeConfig(folder, "," + keys);
        ClassifierConfig config = ClassifierConfig.read(folder, 0.3);
        assertEquals(names, config.names().toString());
        assertEquals(scoring, config.scoring());
        assertEquals(0.3, config.dropout());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "\"num_labels\":0",
                "\"id2label\":{}",
                "\"id2label\":[\"a\"]",
                "\"id2label\":{\"0\":1}",
                "\"id2label\":{\"1\":\"a\",\"2\":\"b\"}",
                "\"num_labels\":3,\"id2label\":{\"0\":\"a\",\"1\":\"b\"}",
                "\"problem_type\":\"ranking\"",
                "\"classifier_dropout\":1.5"
            })
    void refusesLabels(String keys) throws Exception {
        TinyBert.writeConfig(folder, "," + keys);
        refused(keys.substring(0, keys.indexOf(':')), () -> ClassifierConfig.read(folder, 0));
    }

    @Test
    void scores() {
        assertArrayEquals(
                new double[] {0.0900305732, 0.2447284711, 0.6652409558},
                Scoring.SINGLE_LABEL.scores(1000, 1001, 1002),
                1e-9);
        assertArrayEquals(
                new double[] {0.5, 0.8807970780, 0}, Scoring.MULTI_LABEL.scores(0, 2, -1000), 1e-9);
        assertArrayEquals(new double[] {-3.5}, Scoring.REGRESSION.scores(-3.5f));
    }

    @Test
    void gradientsReachEveryParameter() {
        ClassifierConfig labels = new ClassifierConfig(List.of("a", "b"), Scoring.SINGLE_LABEL, 0);
        for (BertHeadBlock block :
                List.of(
                        TinyBert.random(
                                manager, new BertMaskedLanguageBlock(TinyBert.CONFIG, false)),
                        TinyBert.random(
                                manager, new BertClassifierBlock(TinyBert.CONFIG, labels)))) {
            for (Parameter parameter : block.getParameters().values()) {
                parameter.getArray().setRequiresGradient(true);
            }
            try (GradientCollector collector = Engine.getEngine("PyTorch").newGradientCollector()) {
                NDArray logits =
                        block.forward(new ParameterStore(manager, false), batch(), true)
                                .singletonOrThrow();
                collector.backward(logits.pow(3).sum());
            }
            for (Pair<String, Parameter> entry : block.getParameters()) {
                NDArray gradient = entry.getValue().getArray().getGradient();
                assertFalse(gradient.isNaN().any().getBoolean(), entry.getKey());
                // A softmax does not see what is added to all its scores.
                boolean free = entry.getKey().endsWith("key_bias");
                assertTrue(free || gradient.abs().max().getFloat() > 1e-6, entry.getKey());
            }
        }
    }

    private static void refused(String part, Executable call) {
        String message = assertThrows(MalformedModelException.class, call).getMessage();
        assertTrue(message.contains(part), message);
    }
}
