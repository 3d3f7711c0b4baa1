package org.djlflash.examples;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PerplexityCommandTest {

    @TempDir private Path folder;

    private String text(String content) throws IOException {
        return Files.writeString(folder.resolve("text"), content).toString();
    }

    @Test
    void prefersWhatItWasTrainedOn() throws IOException {
        JsonNode known = measure("In the beginning God created the heaven and the earth.\n");
        JsonNode strange = measure("Purple elephants download seventeen crispy algorithms.\n");
        assertTrue(
                known.get("nats_per_token").asDouble() < strange.get("nats_per_token").asDouble(),
                known + " " + strange);
        assertEquals(
                Math.exp(known.get("nats_per_token").asDouble()),
                known.get("perplexity").asDouble(),
                1e-9);
        assertEquals(8, known.get("window").asInt());
        assertEquals(1, known.get("windows").asInt());
    }

    @Test
    void halfPrecisionIsNearlyAsGood() throws IOException {
        String text = text("In the beginning God created the heaven and the earth.\n");
        String[] options = {"perplexity", "--text", text, "--window", "8", "--json", "--dtype"};
        JsonNode single = Run.of(with(options, "float32")).json();
        JsonNode half = Run.of(with(options, "float16")).json();
        assertEquals("float16", half.get("dtype").asText());
        assertEquals(
                single.get("nats_per_token").asDouble(),
                half.get("nats_per_token").asDouble(),
                0.01);
    }

    private static String[] with(String[] options, String value) {
        return Stream.concat(Stream.of(options), Stream.of(value)).toArray(String[]::new);
    }

    private JsonNode measure(String content) throws IOException {
        return Run.of("perplexity", "--text", text(content), "--window", "8", "--json").json();
    }

    @Test
    void theProgressBarGoesToTheErrorStream() throws IOException {
        String text = text("And God said, Let there be light: and there was light.\n");
        Run run = Run.of("perplexity", "--text", text, "--window", "4").assertSuccess();
        assertEquals(1, run.out().lines().count(), run.out());
        assertTrue(run.out().contains("nats per token"), run.out());
        assertTrue(run.err().contains("Measuring"), run.err());
    }

    @Test
    void aByteOrderMarkIsNotText() throws IOException {
        String words = "And God said, Let there be light: and there was light.\n";
        assertEquals(measure(words), measure("\uFEFF" + words));
    }

    @Test
    void refusesFilesThatAreNoText() throws IOException {
        Path missing = folder.resolve("missing");
        Run.of("perplexity", "--text", missing.toString())
                .assertRefused(1, "--text " + missing + ": not a file");
        Run.of("perplexity", "--text", text(" \n")).assertRefused(1, "--text ", ": empty");
        Path binary = Files.write(folder.resolve("binary"), new byte[] {'a', (byte) 0xff, 'b'});
        Run.of("perplexity", "--text", binary.toString())
                .assertRefused(1, "--text " + binary + ": not UTF-8");
    }

    @Test
    void refusesWindows() throws IOException {
        String text = text("And God said\n");
        Run.of("perplexity", "--text", text, "--window", "513")
                .assertRefused(1, "window of 513 tokens, allowed is 2 to 512");
        Run.of("perplexity", "--text", text, "--window", "1")
                .assertRefused(1, "window of 1 tokens, allowed is 2 to 512");
        Run.of("perplexity", "--text", text)
                .assertRefused(1, "text of 4 tokens, allowed is at least a window of 512");
    }

    @Test
    void needsAText() {
        Run.of("perplexity").assertRefused(2, "--text=FILE");
    }
}
