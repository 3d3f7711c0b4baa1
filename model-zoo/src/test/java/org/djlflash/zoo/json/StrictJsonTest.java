package org.djlflash.zoo.json;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.MalformedModelException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class StrictJsonTest {

    @TempDir Path folder;

    @ParameterizedTest
    @ValueSource(strings = {"{\"a\":1}", "  {\"a\":1}\n ", "{\"a\":1,\"b\":{\"a\":2}}"})
    void acceptsOneObject(String text) throws MalformedModelException {
        assertEquals(1, parse(text).requireInt("a", 0, 9));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                " ",
                "null",
                "[1]",
                "\"a\"",
                "{",
                "{\"a\":1}}",
                "{\"a\":1} {}",
                "{\"a\":1,}",
                "{a:1}",
                "{'a':1}",
                "{\"a\":01}",
                "{\"a\":NaN}",
                "{\"a\":1} // end",
                "{\"a\":1,\"a\":1}",
                "{\"b\":{\"a\":1,\"a\":1}}"
            })
    void refusesAnythingElse(String text) {
        MalformedModelException e = assertThrows(MalformedModelException.class, () -> parse(text));
        assertTrue(e.getMessage().startsWith("x.json"), e.getMessage());
    }

    @Test
    void refusesDeepNesting() throws MalformedModelException {
        assertTrue(parse(nested(60)).has("a"));
        assertThrows(MalformedModelException.class, () -> parse(nested(10_000)));
    }

    @Test
    void refusesWhatIsNotUtf8() throws MalformedModelException {
        assertEquals("ä", parse("{\"a\":\"ä\"}").requireString("a"));
        byte[] latin1 = "{\"a\":\"ä\"}".getBytes(StandardCharsets.ISO_8859_1);
        byte[] utf16 = "{\"a\":\"ä\"}".getBytes(StandardCharsets.UTF_16LE);
        assertThrows(MalformedModelException.class, () -> StrictJson.parse(latin1, "x.json"));
        assertThrows(MalformedModelException.class, () -> StrictJson.parse(utf16, "x.json"));
    }

    @Test
    void readsFilesUpToALimit() throws IOException, MalformedModelException {
        Path file = Files.writeString(folder.resolve("x.json"), "{\"a\":1}");
        assertEquals(List.of("a"), StrictJson.read(file, 7).keys());
        MalformedModelException e =
                assertThrows(MalformedModelException.class, () -> StrictJson.read(file, 6));
        assertEquals("x.json is larger than the 6 bytes that are allowed", e.getMessage());
    }

    @Test
    void readsListsOfObjects() throws IOException, MalformedModelException {
        Path file = folder.resolve("x.json");
        Files.writeString(file, "[{\"a\":1},{\"a\":2}]");
        List<JsonFields> objects = StrictJson.readList(file, 100);
        assertEquals(2, objects.size());
        assertEquals(2, objects.get(1).requireInt("a", 0, 9));
        Files.writeString(file, "[]");
        assertEquals(List.of(), StrictJson.readList(file, 100));
        for (String text : List.of("{}", "[1]", "[{}", "[{\"a\":1,\"a\":1}]", "")) {
            Files.writeString(file, text);
            MalformedModelException e =
                    assertThrows(
                            MalformedModelException.class, () -> StrictJson.readList(file, 100));
            assertTrue(e.getMessage().startsWith("x.json"), e.getMessage());
        }
    }

    @Test
    void namesAMissingFileWithoutItsPath() {
        MalformedModelException e =
                assertThrows(
                        MalformedModelException.class,
                        () -> StrictJson.read(folder.resolve("y.json"), 9));
        assertFalse(e.getMessage().contains(folder.toString()), e.getMessage());
        assertTrue(e.getMessage().contains("y.json"), e.getMessage());
        assertThrows(MalformedModelException.class, () -> StrictJson.read(folder, 9));
    }

    private static String nested(int depth) {
        return "{\"a\":" + "[".repeat(depth) + "]".repeat(depth) + "}";
    }

    private static JsonFields parse(String text) throws MalformedModelException {
        return StrictJson.parse(text.getBytes(StandardCharsets.UTF_8), "x.json");
    }
}
