package org.djlflash.zoo.weights;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.MalformedModelException;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import org.djlflash.zoo.SharedModels;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class SafetensorsFileTest {

    @TempDir Path folder;
    private NDManager manager;

    @BeforeEach
    void openManager() {
        manager = NDManager.newBaseManager();
    }

    @AfterEach
    void closeManager() {
        manager.close();
    }

    @Test
    void readsEveryFloatingPointType() throws Exception {
        SafetensorsBytes bytes =
                new SafetensorsBytes()
                        .f32("f32", "[3]", 1.5f, -2, 1e30f)
                        .f64("f64", "[3]", 1.5, -2, 0.1)
                        .halves("f16", "F16", "[3]", 0x3e00, 0xc000, 0x0001)
                        .halves("bf16", "BF16", "[3]", 0x3fc0, 0xc000, 0x7149);
        try (SafetensorsFile file = open(bytes)) {
            assertArrayEquals(new float[] {1.5f, -2, 1e30f}, read(file, "f32"));
            assertArrayEquals(new float[] {1.5f, -2, 0.1f}, read(file, "f64"));
            assertArrayEquals(new float[] {1.5f, -2, 0x1p-24f}, read(file, "f16"));
            float large = Float.intBitsToFloat(0x71490000);
            assertArrayEquals(new float[] {1.5f, -2, large}, read(file, "bf16"));
        }
    }

    @Test
    void widensEveryBfloat16BitForBit() throws Exception {
        int[] all = new int[1 << 16];
        for (int i = 0; i < all.length; i++) {
            all[i] = i;
        }
        try (SafetensorsFile file =
                open(new SafetensorsBytes().halves("a", "BF16", "[256,256]", all))) {
            NDArray array = file.read(manager, "a", DataType.FLOAT32);
            assertEquals(new Shape(256, 256), array.getShape());
            ByteBuffer memory = array.toByteBuffer().order(ByteOrder.nativeOrder());
            for (int i : all) {
                assertEquals(i << 16, memory.getInt(4 * i));
            }
        }
    }

    @Test
    void keepsEveryHalfBitForBit() throws Exception {
        int[] all = new int[1 << 16];
        for (int i = 0; i < all.length; i++) {
            all[i] = i;
        }
        try (SafetensorsFile file =
                open(new SafetensorsBytes().halves("a", "F16", "[65536]", all))) {
            NDArray array = file.read(manager, "a", DataType.FLOAT16);
            assertEquals(DataType.FLOAT16, array.getDataType());
            ByteBuffer memory = array.toByteBuffer().order(ByteOrder.nativeOrder());
            for (int i = 0; i < all.length; i++) {
                assertEquals((short) all[i], memory.getShort(2 * i));
            }
        }
    }

    @Test
    void narrowsADoubleOnce() throws Exception {
        // Each lies a hair beside a tie between two halves; as a float it would lie on the tie.
        double tie = 1 + 0x1p-11;
        double otherTie = 1 + 0x1p-10 + 0x1p-11;
        double hair = 0x1p-40;
        SafetensorsBytes bytes =
                new SafetensorsBytes()
                        .f64("a", "[5]", tie, tie + hair, -tie - hair, otherTie, otherTie - hair);
        float above = 1 + 0x1p-10f;
        float twoAbove = 1 + 0x1p-9f;
        try (SafetensorsFile file = open(bytes)) {
            assertArrayEquals(
                    new float[] {1, above, -above, twoAbove, above},
                    file.read(manager, "a", DataType.FLOAT16).toFloatArray());
        }
    }

    @ParameterizedTest
    @CsvSource({"FLOAT16, 65519.99, 65504", "FLOAT16, Infinity, Infinity", "FLOAT16, -1e-30, -0.0"})
    void narrowsWhatFits(DataType target, double value, float expected) throws Exception {
        try (SafetensorsFile file = open(new SafetensorsBytes().f64("a", "[1]", value))) {
            assertArrayEquals(
                    new float[] {expected}, file.read(manager, "a", target).toFloatArray());
        }
    }

    @ParameterizedTest
    @CsvSource({"FLOAT16, 65520", "FLOAT16, -1e300", "FLOAT32, 1e39"})
    void refusesWhatOverflows(DataType target, double value) throws Exception {
        try (SafetensorsFile file = open(new SafetensorsBytes().f64("big", "[2]", 1, value))) {
            MalformedModelException e =
                    assertThrows(
                            MalformedModelException.class, () -> file.read(manager, "big", target));
            assertTrue(e.getMessage().startsWith("x.safetensors: \"big\" holds"), e.getMessage());
            assertEquals(0, manager.getManagedArrays().size());
        }
    }

    @Test
    void keepsNaN() throws Exception {
        try (SafetensorsFile file = open(new SafetensorsBytes().f64("a", "[2]", Double.NaN, 1))) {
            for (DataType target : new DataType[] {DataType.FLOAT32, DataType.FLOAT16}) {
                float[] values = file.read(manager, "a", target).toFloatArray();
                assertArrayEquals(new float[] {Float.NaN, 1}, values);
            }
        }
    }

    @Test
    void readsScalarsAndEmptyTensors() throws Exception {
        try (SafetensorsFile file =
                open(new SafetensorsBytes().f32("s", "[]", 7).f32("e", "[2,0]"))) {
            NDArray scalar = file.read(manager, "s", DataType.FLOAT32);
            assertTrue(scalar.isScalar());
            assertEquals(7, scalar.getFloat());
            NDArray empty = file.read(manager, "e", DataType.FLOAT16);
            assertEquals(new Shape(2, 0), empty.getShape());
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 7, 1000, 100_000})
    void readsInChunks(int chunkElements) throws Exception {
        float[] values = new float[33_333];
        for (int i = 0; i < values.length; i++) {
            values[i] = i;
        }
        int size = chunkElements == 1 ? 99 : values.length;
        float[] expected = Arrays.copyOf(values, size);
        Path path =
                new SafetensorsBytes()
                        .halves("odd", "BF16", "[1]", 0)
                        .f32("a", "[" + size / 3 + ",3]", expected)
                        .write(folder.resolve("x.safetensors"));
        try (SafetensorsFile file = SafetensorsFile.open(path, chunkElements)) {
            assertArrayEquals(expected, read(file, "a"));
        }
    }

    @Test
    void givesTheArrayToTheManager() throws Exception {
        NDArray array;
        try (SafetensorsFile file = open(new SafetensorsBytes().f32("a", "[1]", 7))) {
            array = file.read(manager, "a", DataType.FLOAT32);
        }
        assertSame(manager, array.getManager());
        assertEquals(1, manager.getManagedArrays().size());
        assertEquals(7, array.getFloat());
    }

    @Test
    void refusesAClosedFile() throws Exception {
        SafetensorsFile file = open(new SafetensorsBytes().f32("a", "[1]", 7));
        assertArrayEquals(new float[] {7}, read(file, "a"));
        file.close();
        IllegalStateException e = assertThrows(IllegalStateException.class, () -> read(file, "a"));
        assertEquals("x.safetensors is closed", e.getMessage());
    }

    @Test
    void refusesOtherNamesAndTypes() throws Exception {
        try (SafetensorsFile file =
                open(new SafetensorsBytes().f32("a", "[1]", 7).i64("i", "[1]", 7))) {
            assertThrows(IllegalArgumentException.class, () -> read(file, "b"));
            assertThrows(MalformedModelException.class, () -> read(file, "i"));
        }
    }

    @ParameterizedTest
    @EnumSource(
            value = DataType.class,
            mode = EnumSource.Mode.EXCLUDE,
            names = {"FLOAT32", "FLOAT16"})
    void refusesOtherTargets(DataType target) throws Exception {
        try (SafetensorsFile file = open(new SafetensorsBytes().f32("a", "[1]", 7))) {
            assertThrows(IllegalArgumentException.class, () -> file.read(manager, "a", target));
        }
    }

    @Test
    void reportsAFileThatShrank() throws Exception {
        try (SafetensorsFile file = open(new SafetensorsBytes().f32("a", "[3]", 7, 8, 9))) {
            read(file, "a");
            try (FileChannel channel =
                    FileChannel.open(folder.resolve("x.safetensors"), StandardOpenOption.WRITE)) {
                channel.truncate(channel.size() - 1);
            }
            assertThrows(IOException.class, () -> read(file, "a"));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"gpt2-kjv-6m", "bert-random-hd32", "llama-random-gqa4"})
    void agreesWithTheDecoderOfDjl(String model) throws Exception {
        Path path = SharedModels.folder(model).resolve("model.safetensors");
        try (SafetensorsFile file = SafetensorsFile.open(path);
                InputStream in = Files.newInputStream(path)) {
            NDList expected = NDList.decode(manager, in);
            assertEquals(expected.size(), file.tensors().size());
            for (NDArray array : expected) {
                NDArray read = file.read(manager, array.getName(), array.getDataType());
                assertEquals(array.getShape(), read.getShape());
                assertTrue(array.contentEquals(read), array.getName());
            }
        }
    }

    private SafetensorsFile open(SafetensorsBytes bytes)
            throws IOException, MalformedModelException {
        return SafetensorsFile.open(bytes.write(folder.resolve("x.safetensors")));
    }

    private float[] read(SafetensorsFile file, String tensor)
            throws IOException, MalformedModelException {
        return file.read(manager, tensor, DataType.FLOAT32).toFloatArray();
    }
}
