package org.djlflash.examples;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import ai.djl.engine.Engine;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.djlflash.torch.TorchLibrary;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class GenerateCommandTest {

    private static final String PROMPT = "And the king said unto";

    /** What Hugging Face transformers generates. */
    private static final String GREEDY =
            " him, Behold, I will send thee to the king of Babylon, and will send thee to the king"
                    + " of Babylon.\nAnd the king of Babylon came to pass, that he sent to"
                    + " Jerusalem, saying, Thus saith the LORD, the";

    @Test
    void continuesAPrompt() {
        Run run = Run.of("generate", "--prompt", PROMPT, "--device", "cpu").assertSuccess();
        assertTrue(run.out().startsWith(PROMPT + GREEDY + System.lineSeparator()), run.out());
        assertTrue(run.out().contains("[48 tokens"), run.out());
        assertEquals("", run.err());
    }

    @Test
    void printsJson() throws Exception {
        JsonNode json = Run.of("generate", "--prompt", PROMPT, "--json", "--device", "cpu").json();
        assertEquals(GREEDY, json.get("text").asText());
        assertEquals(48, json.get("new_ids").size());
        assertEquals(332, json.get("new_ids").get(0).asInt());
        assertEquals("length", json.get("finish").asText());
        assertEquals("cpu", json.get("device").asText());
        assertEquals("torch-sdpa", json.get("prefill_backend").asText());
        assertEquals("torch-sdpa", json.get("decode_backend").asText());
        assertEquals(0, json.get("prefill_kernels").size());
        assertEquals(0, json.get("decode_kernels").size());
        assertEquals("float32", json.get("dtype").asText());
    }

    @Test
    void computesInHalfPrecision() throws Exception {
        String[] arguments = {"generate", "--prompt", PROMPT, "--device", "cpu", "--dtype"};
        Run run = Run.of(with(arguments, "float16")).assertSuccess();
        assertTrue(run.out().startsWith(PROMPT + GREEDY), run.out());
        assertTrue(run.out().contains("float16 on cpu]"), run.out());
        JsonNode json = Run.of(with(arguments, "FLOAT16", "--json")).json();
        assertEquals(GREEDY, json.get("text").asText());
        assertEquals("float16", json.get("dtype").asText());
    }

    private static String[] with(String[] arguments, String... more) {
        return Stream.concat(Stream.of(arguments), Stream.of(more)).toArray(String[]::new);
    }

    @Test
    void continuesTokenIds() throws Exception {
        JsonNode json =
                Run.of("generate", "--ids", "296,259,410,387,321", "--device", "cpu", "--json")
                        .json();
        assertEquals(GREEDY, json.get("text").asText());
    }

    @Test
    void seedsRepeat() throws Exception {
        assertEquals(sample("7"), sample("7"));
        assertNotEquals(sample("7"), sample("8"));
    }

    private static String sample(String seed) throws Exception {
        return Run.of(
                        "generate",
                        "--prompt",
                        PROMPT,
                        "--temperature",
                        "1",
                        "--top-k",
                        "50",
                        "--seed",
                        seed,
                        "--max-new-tokens",
                        "24",
                        "--json")
                .json()
                .get("new_ids")
                .toString();
    }

    @Test
    void endsAtAString() throws Exception {
        String[] arguments = {
            "generate", "--prompt", PROMPT, "--device", "cpu", "--stop", "x", "--stop", ", I"
        };
        Run run = Run.of(arguments).assertSuccess();
        assertTrue(run.out().startsWith(PROMPT + " him, Behold" + System.lineSeparator()));
        JsonNode json = Run.of(with(arguments, "--json")).json();
        assertEquals(" him, Behold", json.get("text").asText());
        assertEquals("stop_string", json.get("finish").asText());
        assertEquals(PROMPT, json.get("prompt").asText());
        assertTrue(json.get("prefill_milliseconds").asDouble() > 0);
        assertTrue(json.get("decode_milliseconds").asDouble() > 0);
    }

    @Test
    void searches() throws Exception {
        JsonNode json =
                Run.of(
                                "generate",
                                "--prompt",
                                PROMPT,
                                "--device",
                                "cpu",
                                "--max-new-tokens",
                                "8",
                                "--beams",
                                "3",
                                "--length-penalty",
                                "0.5",
                                "--early-stopping",
                                "never",
                                "--json")
                        .json();
        JsonNode found = json.get("hypotheses");
        assertEquals(3, found.size());
        assertEquals(json.get("new_ids"), found.get(0).get("ids"));
        assertTrue(found.get(0).get("score").asDouble() >= found.get(1).get("score").asDouble());
        assertEquals("length", found.get(0).get("finish").asText());
    }

    @Test
    void continuesAFileOfPrompts(@TempDir Path folder) throws Exception {
        Path file =
                Files.writeString(
                        folder.resolve("prompts.txt"), "In the beginning\n\n" + PROMPT + "\n");
        String[] arguments = {"generate", "--prompts-file", file.toString(), "--device", "cpu"};
        Run run = Run.of(arguments).assertSuccess();
        assertTrue(run.out().startsWith("In the beginning of the beginning of"), run.out());
        assertTrue(run.out().contains(PROMPT + GREEDY + System.lineSeparator()), run.out());
        String[] lines = Run.of(with(arguments, "--json")).assertSuccess().out().split("\n");
        assertEquals(2, lines.length);
        JsonNode second = new ObjectMapper().readTree(lines[1]);
        assertEquals(PROMPT, second.get("prompt").asText());
        assertEquals(GREEDY, second.get("text").asText());
        Run.of("generate", "--prompts-file", folder.toString())
                .assertRefused(1, "--prompts-file", "not a file");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '"',
            value = {
                "2 | --prompt a --ids 1 | mutually exclusive",
                "2 | --ids 1,x | allowed are whole numbers",
                "2 | --ids 1,,2 | allowed are whole numbers",
                "2 | --max-new-tokens 5 | --prompt=TEXT | --ids",
                "2 | --prompt a --seed x | 'x' is not a long",
                "2 | --prompt a --dtype bfloat16 | --dtype",
                "1 | --ids 4096 | token id 4096, allowed is 0 to 4095",
                "1 | --ids 1,-1 | token id -1, allowed is 0 to 4095",
                "1 | --prompt a --max-new-tokens 512 | allowed is at least 1 new one and 512",
                "1 | --prompt a --max-new-tokens 0 | maxNewTokens is 0",
                "2 | --prompt a --beams x | 'x' is not an int",
                "2 | --prompt a --early-stopping maybe | --early-stopping",
                "1 | --prompt a --beams 0 | beams is 0, allowed is 1 to 1024",
                "1 | --prompt a --beams 2 --temperature 1 | beam search does not sample",
                "1 | --prompt a --beams 2 --length-penalty NaN | allowed is a finite number",
                "1 | --prompt a --stop= | stop string of 0 characters",
                "1 | --prompt a --top-k 3 | allowed is a temperature above 0",
                "1 | --prompt a --temperature -1 | found -1.0",
                "1 | --prompt a --temperature 1 --top-p 2 | found 2.0",
            })
    void refuses(int code, String options, String message) {
        Run.of(("generate " + options).split(" ")).assertRefused(code, message);
    }

    @Test
    void refusesAnEmptyPrompt() {
        Run.of("generate", "--prompt", "").assertRefused(1, "prompt of 0 tokens");
    }

    @Test
    void refusesAGpuThatIsNotThere() {
        assumeTrue(Engine.getEngine(TorchLibrary.ENGINE).getGpuCount() == 0, "there is a GPU");
        Run.of("generate", "--prompt", "a", "--device", "gpu")
                .assertRefused(1, "--device gpu", "no GPU", "cpu");
    }
}
