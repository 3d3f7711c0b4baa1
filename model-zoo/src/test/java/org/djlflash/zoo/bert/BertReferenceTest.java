package org.djlflash.zoo.bert;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.djlflash.zoo.SharedModels;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** A random BERT against what Hugging Face transformers computes. */
class BertReferenceTest {

    private static final int TOKENS = 40;
    private static final int VOCABULARY = 1009;

    private final Device device = device();
    private final Path folder = SharedModels.folder("bert-random-hd32");
    private NDManager manager;
    private NDList expected;
    private int[] lengths;

    Device device() {
        return Device.cpu();
    }

    @BeforeEach
    void read() throws Exception {
        manager = NDManager.newBaseManager(device, "PyTorch");
        try (InputStream stream = Files.newInputStream(folder.resolve("expected.safetensors"))) {
            expected = NDList.decode(manager, stream);
        }
        lengths = expected.get("lengths").toIntArray();
    }

    @AfterEach
    void close() {
        manager.close();
    }

    private NDArray ids() {
        return expected.get("input_ids").toType(DataType.INT64, true);
    }

    private NDArray types() {
        return expected.get("token_type_ids").toType(DataType.INT64, true);
    }

    private NDArray mask(DataType type) {
        return manager.arange(TOKENS)
                .reshape(1, TOKENS)
                .lt(expected.get("lengths").reshape(-1, 1))
                .toType(type, true);
    }

    private Bert load(DataType type) throws Exception {
        return Bert.load(folder, device, type, null);
    }

    /** Compares the tokens that are no padding. */
    private void assertHidden(NDArray actual, double tolerance) {
        for (int row = 0; row < lengths.length; row++) {
            String tokens = row + ", :" + lengths[row];
            assertArrayEquals(
                    expected.get("last_hidden_state").get(tokens).toFloatArray(),
                    actual.toType(DataType.FLOAT32, false).get(tokens).toFloatArray(),
                    (float) tolerance);
        }
    }

    @ParameterizedTest
    @CsvSource({"FLOAT32, 1e-4", "FLOAT16, 2e-2"})
    void hiddenStatesAndPooler(DataType type, double tolerance) throws Exception {
        try (Bert bert = load(type)) {
            assertEquals(type, bert.block().dataType());
            NDList outputs = bert.encode(new NDList(ids(), types(), mask(DataType.INT64)));
            assertEquals(type, outputs.head().getDataType());
            assertHidden(outputs.head(), tolerance);
            assertArrayEquals(
                    expected.get("pooler_output").toFloatArray(),
                    outputs.get(1).toType(DataType.FLOAT32, false).toFloatArray(),
                    (float) tolerance);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"BOOLEAN", "INT32", "FLOAT32"})
    void maskOfOtherTypes(DataType type) throws Exception {
        try (Bert bert = load(DataType.FLOAT32)) {
            assertHidden(bert.encode(new NDList(ids(), types(), mask(type))).head(), 1e-4);
        }
    }

    @Test
    void rowByRowWithoutPadding() throws Exception {
        try (Bert bert = load(DataType.FLOAT32)) {
            for (int row = 0; row < lengths.length; row++) {
                String tokens = row + ":" + (row + 1) + ", :" + lengths[row];
                NDList outputs = bert.encode(new NDList(ids().get(tokens), types().get(tokens)));
                assertArrayEquals(
                        expected.get("last_hidden_state").get(tokens).toFloatArray(),
                        outputs.head().toFloatArray(),
                        1e-4f);
            }
        }
    }

    @Test
    void paddingNeverShows() throws Exception {
        try (Bert bert = load(DataType.FLOAT32)) {
            NDArray mask = mask(DataType.INT64);
            NDArray noise = manager.randomInteger(0, VOCABULARY, ids().getShape(), DataType.INT64);
            NDArray other = ids().mul(mask).add(noise.mul(mask.sub(1).neg()));
            assertNotEquals(ids(), other);
            NDArray first = bert.encode(new NDList(ids(), types(), mask)).head();
            NDArray second = bert.encode(new NDList(other, types(), mask)).head();
            for (int row = 0; row < lengths.length; row++) {
                String tokens = row + ", :" + lengths[row];
                assertArrayEquals(
                        first.get(tokens).toFloatArray(), second.get(tokens).toFloatArray());
            }
        }
    }

    @Test
    void aRowOfPaddingDoesNotChangeTheOthers() throws Exception {
        try (Bert bert = load(DataType.FLOAT32)) {
            assertHidden(withRow(bert, new long[TOKENS], new long[TOKENS]), 1e-4);
        }
    }

    /** A hole in one row makes the whole batch use a dense mask instead of lengths. */
    @Test
    void aDenseMaskHidesAsLengthsDo() throws Exception {
        try (Bert bert = load(DataType.FLOAT32)) {
            long[] mask = new long[TOKENS];
            Arrays.fill(mask, 1);
            mask[4] = 0;
            long[] ids = new long[TOKENS];
            Arrays.setAll(ids, i -> i + 7);
            NDArray first = withRow(bert, ids, mask);
            assertHidden(first, 1e-4);
            ids[4] = 99;
            NDArray second = withRow(bert, ids, mask);
            int row = lengths.length;
            for (String others : new String[] {row + ", :4", row + ", 5:"}) {
                assertArrayEquals(
                        first.get(others).toFloatArray(), second.get(others).toFloatArray());
            }
            ids[5] = 99;
            NDArray third = withRow(bert, ids, mask);
            assertNotEquals(first.getFloat(row, 0, 0), third.getFloat(row, 0, 0));
        }
    }

    private NDArray withRow(Bert bert, long[] ids, long[] mask) {
        Shape shape = new Shape(1, TOKENS);
        NDArray hidden =
                bert.encode(
                                new NDList(
                                        ids().concat(manager.create(ids, shape)),
                                        types().concat(manager.zeros(shape, DataType.INT64)),
                                        mask(DataType.INT64).concat(manager.create(mask, shape))))
                        .head();
        assertFalse(hidden.isNaN().any().getBoolean());
        return hidden;
    }

    @Test
    void inputsThatDoNotFit() throws Exception {
        try (Bert bert = load(DataType.FLOAT32)) {
            refused(bert, "0 inputs");
            refused(bert, "(40)", manager.zeros(new Shape(40), DataType.INT64));
            refused(bert, "(1, 0)", manager.zeros(new Shape(1, 0), DataType.INT64));
            refused(
                    bert,
                    "129 tokens, the model has 128 positions",
                    manager.zeros(new Shape(1, 129), DataType.INT64));
            refused(bert, "(1, 40)", ids(), types(), types().get("0:1"));
            refused(bert, "4 inputs", ids(), types(), types(), types());
        }
    }

    private static void refused(Bert bert, String part, NDArray... inputs) {
        String message =
                assertThrows(IllegalArgumentException.class, () -> bert.encode(new NDList(inputs)))
                        .getMessage();
        assertTrue(message.contains(part), message);
    }
}
