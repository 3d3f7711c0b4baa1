package org.djlflash.zoo.json;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.MalformedModelException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class JsonFieldsTest {

    @Test
    void readsIntegersInRange() throws MalformedModelException {
        assertEquals(5, of("5").requireInt("a", 5, 5));
        assertEquals(OptionalInt.of(-1), of("-1").optInt("a", -1, 5));
        assertEquals(OptionalInt.empty(), of("null").optInt("a", -1, 5));
        assertEquals(OptionalInt.empty(), of("1").optInt("b", -1, 5));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "4",
                "6",
                "5.0",
                "5e0",
                "\"5\"",
                "true",
                "[5]",
                "{}",
                "4294967301",
                "18446744073709551621",
                "99999999999999999999999999999999"
            })
    void refusesOtherIntegers(String value) {
        refused("\"a\"", () -> of(value).requireInt("a", 5, 5));
        refused("\"a\"", () -> of(value).optInt("a", 5, 5));
    }

    @Test
    void requiresAValue() {
        refused("found null", () -> of("null").requireInt("a", 0, 1));
        refused("x.json: \"b\"", () -> of("1").requireInt("b", 0, 1));
        refused("found nothing", () -> of("1").requireInt("b", 0, 1));
    }

    @Test
    void readsOneIntegerOrAList() throws MalformedModelException {
        assertEquals(List.of(3), of("3").optInts("a", 0, 9));
        assertEquals(List.of(3, 4), of("[3,4]").optInts("a", 0, 9));
        assertEquals(List.of(), of("[]").optInts("a", 0, 9));
        assertEquals(List.of(), of("null").optInts("a", 0, 9));
        refused("found 10", () -> of("[3,10]").optInts("a", 0, 9));
        refused("found [4]", () -> of("[3,[4]]").optInts("a", 0, 9));
    }

    @Test
    void readsLongIntegersInRange() throws MalformedModelException {
        long max = Long.MAX_VALUE;
        assertEquals(OptionalLong.of(max), of("" + max).optLong("a", 0, max));
        assertEquals(OptionalLong.empty(), of("null").optLong("a", 0, max));
        for (String value : List.of("9223372036854775808", "-1", "1.0", "\"1\"", "[1]")) {
            refused("an integer from 0", () -> of(value).optLong("a", 0, max));
        }
    }

    @Test
    void readsOneStringOrAList() throws MalformedModelException {
        assertEquals(List.of("b"), of("\"b\"").optStrings("a"));
        assertEquals(List.of("b", ""), of("[\"b\",\"\"]").optStrings("a"));
        assertEquals(List.of(), of("null").optStrings("a"));
        for (String value : List.of("1", "{}", "[1]", "[null]", "[[\"b\"]]")) {
            refused("a string or a list of strings", () -> of(value).optStrings("a"));
        }
    }

    @Test
    void readsSizes() throws MalformedModelException {
        assertArrayEquals(
                new long[] {0, Long.MAX_VALUE}, of("[0," + Long.MAX_VALUE + "]").requireSizes("a"));
        assertArrayEquals(new long[0], of("[]").requireSizes("a"));
        for (String value : List.of("[-1]", "[1.0]", "[9223372036854775808]", "[null]", "1")) {
            refused("a list of integers", () -> of(value).requireSizes("a"));
        }
    }

    @Test
    void readsOneRowOrAList() throws MalformedModelException {
        assertRows("[[1, 2]]", "[1,2]");
        assertRows("[[1, 2], [], [-3]]", "[[1,2],[],[-3]]");
        assertRows("[[]]", "[]");
        assertTrue(of("[1]").holdsNumbers("a"));
        assertTrue(of("[[]]").holdsNumbers("a"));
        for (String value : List.of("1", "[]", "[\"1\"]", "null", "{\"b\":[1]}")) {
            assertFalse(of(value).holdsNumbers("a"), value);
        }
        for (String value : List.of("1", "null", "[1.5]", "[[1],2]", "[1,[2]]", "[[\"1\"]]")) {
            refused("a list of integers or a list", () -> of(value).requireRows("a"));
        }
    }

    private static void assertRows(String expected, String value) throws MalformedModelException {
        List<long[]> rows = of(value).requireRows("a");
        assertEquals(expected, rows.stream().map(Arrays::toString).toList().toString());
    }

    @Test
    void readsNumbersInRange() throws MalformedModelException {
        assertEquals(0.5, of("0.5").optDouble("a", 0, 1, 7));
        assertEquals(1, of("1").optDouble("a", 0, 1, 7));
        assertEquals(7, of("null").optDouble("a", 0, 1, 7));
        for (String value : List.of("1.5", "-1e-9", "1e999", "\"0.5\"", "true")) {
            refused("a number from 0.0 to 1.0", () -> of(value).optDouble("a", 0, 1, 7));
        }
    }

    @Test
    void readsTruthValuesAndStrings() throws MalformedModelException {
        assertTrue(of("true").optBoolean("a", false));
        assertTrue(of("null").optBoolean("a", true));
        refused("true or false", () -> of("1").optBoolean("a", true));
        assertEquals("t", of("\"t\"").requireString("a"));
        assertEquals("u", of("null").optString("a", "u"));
        refused("a string", () -> of("1").requireString("a"));
        refused("a string", () -> of("1").optString("a", "u"));
    }

    @Test
    void readsObjects() throws MalformedModelException {
        assertEquals(1, of("{\"b\":1}").requireObject("a").requireInt("b", 0, 9));
        assertFalse(of("{}").requireObject("a").has("b"));
        refused("an object", () -> of("[]").requireObject("a"));
        refused(
                "x.json: \"a\": \"b\" must be",
                () -> of("{\"b\":1}").requireObject("a").requireString("b"));
        assertEquals(Map.of("b", "c"), of("{\"b\":\"c\"}").requireStrings("a"));
        refused("a string", () -> of("{\"b\":1}").requireStrings("a"));
        refused("a string", () -> of("{\"b\":null}").requireStrings("a"));
    }

    @Test
    void shortensWhatItQuotes() {
        MalformedModelException e =
                assertThrows(
                        MalformedModelException.class,
                        () -> of('"' + "z".repeat(9999) + '"').requireInt("a", 0, 1));
        assertTrue(e.getMessage().length() < 300, e.getMessage());
    }

    private static void refused(String part, Executable call) {
        MalformedModelException e = assertThrows(MalformedModelException.class, call);
        assertTrue(e.getMessage().contains(part), e.getMessage());
    }

    private static JsonFields of(String value) throws MalformedModelException {
        byte[] json = ("{\"a\":" + value + "}").getBytes(StandardCharsets.UTF_8);
        return StrictJson.parse(json, "x.json");
    }
}
