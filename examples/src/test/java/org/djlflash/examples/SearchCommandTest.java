package org.djlflash.examples;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.djlflash.zoo.bert.TinyBert;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SearchCommandTest {

    @TempDir static Path folder;
    private static Path file;

    @BeforeAll
    static void write() throws IOException {
        TinyBert.write(folder, false);
        file = folder.resolve("lines.txt");
        Files.writeString(file, "the king said\n\ngo out\n  \nand see the light\nunto them\n");
    }

    private static Run search(String... more) {
        String[] arguments = {
            "search",
            "--model",
            folder.toString(),
            "--device",
            "cpu",
            "--file",
            file.toString(),
            "--query"
        };
        return Run.of(Stream.of(arguments, more).flatMap(Stream::of).toArray(String[]::new));
    }

    @Test
    void theSameLineIsTheClosest() throws IOException {
        List<String> lines =
                search("AND see the light", "--json").assertSuccess().out().lines().toList();
        assertEquals(4, lines.size());
        double last = 2;
        for (String line : lines) {
            double score = new ObjectMapper().readTree(line).get("score").asDouble();
            assertTrue(score <= last && score >= -1.000001, line);
            last = score;
        }
        JsonNode first = new ObjectMapper().readTree(lines.get(0));
        assertEquals(1, first.get("score").asDouble(), 1e-5);
        assertEquals(5, first.get("line").asInt());
        assertEquals("and see the light", first.get("text").asText());
    }

    @Test
    void asManyAsAskedFor() {
        Run run = search("go out", "--top", "1").assertSuccess();
        assertEquals("1.0000  3: go out" + System.lineSeparator(), run.out());
    }

    @Test
    void whatIsWrongIsSaid() {
        search("x", "--top", "0").assertRefused(1, "--top 0, allowed is at least 1");
        Run.of("search", "--model", folder.toString(), "--query", "x").assertRefused(2, "--file");
        Run.of("search", "--model", folder.toString(), "--query", "x", "--file", "no-such")
                .assertRefused(1, "--file no-such: not a file");
    }
}
