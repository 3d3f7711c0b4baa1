package org.djlflash.zoo.weights;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.MalformedModelException;
import ai.djl.ndarray.types.Shape;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class SafetensorsHeaderTest {

    private static final String A = entry("a", "F32", "[2]", "[0,8]");

    @TempDir Path folder;

    @Test
    void readsAHeader() throws Exception {
        String b = entry("b", "BF16", "[1,2]", "[8,12]");
        String text = "{\"__metadata__\":{\"format\":\"pt\"}," + b + "," + A + "}";
        try (SafetensorsFile file = open(SafetensorsBytes.of(text, new byte[12]))) {
            assertEquals(List.of("a", "b"), List.copyOf(file.tensors().keySet()));
            assertEquals(
                    new TensorInfo("b", SafetensorsType.BF16, new Shape(1, 2), 8, 12),
                    file.tensors().get("b"));
            assertEquals(Map.of("format", "pt"), file.metadata());
        }
    }

    @ParameterizedTest
    @EnumSource(SafetensorsType.class)
    void knowsEveryType(SafetensorsType type) throws Exception {
        // Eight elements fill whole bytes, whatever the type.
        int size = type.bits();
        String text = "{" + entry("a", type.name(), "[8]", "[0," + size + "]") + "}";
        try (SafetensorsFile file = open(SafetensorsBytes.of(text, new byte[size]))) {
            assertEquals(type, file.tensors().get("a").dtype());
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{}",
                " {} ",
                "\n{\n}\t  ",
                "{\"__metadata__\":{}}",
                "{\"a\":{\"dtype\":\"F32\",\"shape\":[0,7],\"data_offsets\":[0,0]}}",
                "{\"a\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]},"
                        + "\"b\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]}}"
            })
    void acceptsOdditiesWithoutData(String text) throws Exception {
        open(SafetensorsBytes.of(text)).close();
    }

    @Test
    void acceptsAScalarAndAnEmptyTensorBetweenOthers() throws Exception {
        String scalar = entry("s", "F32", "[]", "[0,4]");
        String empty = entry("e", "F32", "[3,0]", "[4,4]");
        String last = entry("l", "F32", "[1]", "[4,8]");
        String text = "{" + String.join(",", last, empty, scalar) + "}";
        try (SafetensorsFile file = open(SafetensorsBytes.of(text, new byte[8]))) {
            assertEquals(List.of("s", "e", "l"), List.copyOf(file.tensors().keySet()));
            assertEquals(new Shape(), file.tensors().get("s").shape());
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 7})
    void refusesAFileWithoutALength(int size) {
        refused("at least 8 bytes", new byte[size]);
    }

    @ParameterizedTest
    @CsvSource({
        "3, found 3",
        "100000001, found 100000001",
        "9223372036854775807, found 9223372036854775807",
        "-1, found 18446744073709551615",
        "-9223372036854775808, found 9223372036854775808"
    })
    void refusesALengthThatDoesNotFit(long length, String part) throws Exception {
        byte[] bytes =
                ByteBuffer.allocate(10)
                        .order(ByteOrder.LITTLE_ENDIAN)
                        .putLong(length)
                        .put((byte) '{')
                        .put((byte) '}')
                        .array();
        refused(part, bytes);
        bytes[0] = 2;
        Arrays.fill(bytes, 1, 8, (byte) 0);
        open(bytes).close();
    }

    @Test
    void refusesAHeaderBeyondTheLimitOfTheFormat() throws Exception {
        Path path = folder.resolve("large.safetensors");
        try (RandomAccessFile file = new RandomAccessFile(path.toFile(), "rw")) {
            file.setLength(200_000_000);
            file.write(
                    ByteBuffer.allocate(8)
                            .order(ByteOrder.LITTLE_ENDIAN)
                            .putLong(100_000_001)
                            .array());
        }
        MalformedModelException e =
                assertThrows(MalformedModelException.class, () -> SafetensorsFile.open(path));
        assertTrue(e.getMessage().contains("from 0 to 100000000"), e.getMessage());
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "[]", "null", "{", "{}}", "{} x", "{\"a\":1}", "{\"a\":null}"})
    void refusesTextThatIsNotAHeader(String text) {
        refused("", SafetensorsBytes.of(text));
    }

    @Test
    void refusesDeepNestingAndOtherEncodings() {
        String deep = "[".repeat(10_000) + "]".repeat(10_000);
        refused("nesting", SafetensorsBytes.of("{\"a\":" + deep + "}"));
        byte[] bytes = SafetensorsBytes.of("{\"__metadata__\":{\"x\":\"y\"}}");
        bytes[30] = (byte) 0xff;
        refused("UTF-8", bytes);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = ';',
            value = {
                "[-8,0]; -8",
                "[8,0]; a begin and an end",
                "[0]; a begin and an end",
                "[0,8,8]; a begin and an end",
                "[0.0,8]; found 0.0",
                "\"0,8\"; a list",
                "null; found null",
                "[4,12]; must begin at byte 0",
                "[0,4]; as far apart as shape [2] of F32",
                "[0,12]; as far apart",
                "[0,18446744073709551624]; found 18446744073709551624"
            })
    void refusesOffsets(String offsets, String part) throws Exception {
        refused(
                part,
                SafetensorsBytes.of("{" + entry("a", "F32", "[2]", offsets) + "}", new byte[8]));
        open(SafetensorsBytes.of("{" + A + "}", new byte[8])).close();
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = ';',
            value = {
                "[12,20]; must begin at byte 8",
                "[4,12]; must begin at byte 8",
                "[0,8]; must begin at byte 8",
                "[16,24]; must begin at byte 8"
            })
    void refusesHolesAndOverlaps(String offsets, String part) throws Exception {
        String b = entry("b", "F32", "[2]", offsets);
        refused(part, SafetensorsBytes.of("{" + A + "," + b + "}", new byte[24]));
        String good = entry("b", "F32", "[2]", "[8,16]");
        open(SafetensorsBytes.of("{" + A + "," + good + "}", new byte[16])).close();
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 7, 9, 16})
    void refusesAFileOfAnotherLength(int size) {
        refused("the tensors end at byte 8", SafetensorsBytes.of("{" + A + "}", new byte[size]));
    }

    @Test
    void refusesManyNamesOnOneRange() {
        StringBuilder text = new StringBuilder("{" + A);
        for (int i = 0; i < 9; i++) {
            text.append(',').append(entry("a" + i, "F32", "[2]", "[0,8]"));
        }
        refused("must begin at byte 8", SafetensorsBytes.of(text + "}", new byte[8]));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = ';',
            value = {
                "[2,18446744073709551614]; found 18446744073709551614",
                "[2,9223372036854775807]; fewer than 2^63",
                "[4294967296,4294967296]; fewer than 2^63",
                "[-2]; found -2",
                "[2.0]; found 2.0",
                "[\"2\"]; found \"2\"",
                "2; a list"
            })
    void refusesShapes(String shape, String part) {
        refused(
                part,
                SafetensorsBytes.of("{" + entry("a", "F32", shape, "[0,8]") + "}", new byte[8]));
    }

    @Test
    void refusesPartsOfBytes() {
        refused(
                "whole number",
                SafetensorsBytes.of("{" + entry("a", "F4", "[3]", "[0,2]") + "}", new byte[2]));
    }

    @ParameterizedTest
    @ValueSource(strings = {"F31", "f32", "", "FLOAT32"})
    void refusesUnknownTypes(String type) {
        String text = "{" + entry("a", type, "[2]", "[0,8]") + "}";
        refused("\"dtype\" must be one of [BOOL", SafetensorsBytes.of(text, new byte[8]));
    }

    @Test
    void refusesDuplicatesAndMissingKeys() {
        refused("Duplicate", SafetensorsBytes.of("{" + A + "," + A + "}", new byte[8]));
        for (String key : List.of("dtype", "shape", "data_offsets")) {
            String text = "{" + A.replace(key, "other") + "}";
            refused("\"a\": \"" + key + "\" must be", SafetensorsBytes.of(text, new byte[8]));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"{\"x\":1}", "{\"x\":{}}", "{\"x\":null}", "[]", "\"x\"", "null"})
    void refusesMetadataThatIsNotStrings(String value) {
        refused("__metadata__", SafetensorsBytes.of("{\"__metadata__\":" + value + "}"));
    }

    @Test
    void refusesAMissingFile() {
        Path path = folder.resolve("none.safetensors");
        MalformedModelException e =
                assertThrows(MalformedModelException.class, () -> SafetensorsFile.open(path));
        assertEquals("none.safetensors is missing, or is not a file", e.getMessage());
    }

    private void refused(String part, byte[] bytes) {
        MalformedModelException e =
                assertThrows(MalformedModelException.class, () -> open(bytes).close());
        assertTrue(e.getMessage().startsWith("x.safetensors"), e.getMessage());
        assertTrue(e.getMessage().contains(part), e.getMessage());
        assertFalse(e.getMessage().contains(folder.toString()), e.getMessage());
    }

    private SafetensorsFile open(byte[] bytes) throws IOException, MalformedModelException {
        return SafetensorsFile.open(Files.write(folder.resolve("x.safetensors"), bytes));
    }

    private static String entry(String name, String type, String shape, String offsets) {
        return String.format(
                "\"%s\":{\"dtype\":\"%s\",\"shape\":%s,\"data_offsets\":%s}",
                name, type, shape, offsets);
    }
}
