package org.djlflash.examples;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.engine.Engine;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.djlflash.torch.TorchLibrary;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class BenchCommandTest {

    @Test
    void needsAWorkload() {
        Run.of("bench")
                .assertRefused(
                        2,
                        "subcommand",
                        "allowed are attention, decode, generation, training, calls, embedding,"
                                + " serving");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "attention",
                "decode",
                "generation",
                "training",
                "calls",
                "embedding",
                "serving"
            })
    void helpGoesToStandardOutput(String workload) {
        Run run = Run.of("bench", workload, "--help").assertSuccess();
        assertTrue(run.out().startsWith("Usage: djl-flash bench " + workload), run.out());
        assertEquals("", run.err());
    }

    @ParameterizedTest
    @ValueSource(strings = {"attention", "decode"})
    void needsAGpu(String workload) {
        Run.of("bench", workload, "--device", "cpu")
                .assertRefused(1, "bench needs a GPU", "djl-flash doctor");
        Assumptions.assumeTrue(Engine.getEngine(TorchLibrary.ENGINE).getGpuCount() == 0);
        Run.of("bench", workload).assertRefused(1, "bench needs a GPU", "djl-flash doctor");
    }

    @Test
    void measuresCallsOnAnyDevice() throws JsonProcessingException {
        Run run = Run.of("bench", "calls", "--calls", "3", "--repeats", "2", "--json");
        List<String> lines = run.assertSuccess().out().lines().toList();
        assertEquals(7, lines.size(), run.out());
        for (String line : lines) {
            JsonNode json = new ObjectMapper().readTree(line);
            assertTrue(json.get("microseconds").asDouble() > 0, line);
        }
    }

    @Test
    void measuresEmbeddingsOnAnyDevice() throws IOException {
        JsonNode json =
                Run.of(
                                "bench embedding --texts 3 --tokens 5 --repeats 2 --device cpu --json"
                                        .split(" "))
                        .json();
        assertEquals(
                3 / json.get("seconds").asDouble(),
                json.get("texts_per_second").asDouble(),
                1e-6 * json.get("texts_per_second").asDouble());
    }

    /** Every answer is right, nothing is lost, and half of the requests stream. */
    @Test
    void loadsAServer() throws JsonProcessingException {
        Run run =
                Run.of(
                        "bench serving --requests 150 --clients 8 --warm-up 20 --device cpu --json"
                                .split(" "));
        Map<String, JsonNode> kinds = new HashMap<>();
        for (String line : run.assertSuccess().out().lines().toList()) {
            JsonNode json = new ObjectMapper().readTree(line);
            kinds.put(json.get("kind").asText(), json);
            assertEquals(0, json.get("wrong").asInt(), line);
            assertTrue(json.get("p99_milliseconds").asDouble() > 0, line);
        }
        assertEquals(
                Set.of("completion", "stream", "embedding", "cut_off", "hostile", "all"),
                kinds.keySet());
        JsonNode all = kinds.get("all");
        assertEquals(150, all.get("requests").asInt());
        int streams = kinds.get("stream").get("requests").asInt();
        streams += kinds.get("cut_off").get("requests").asInt();
        assertEquals(75, streams, 15);
        assertEquals(0, all.get("left_in_the_server").asInt());
        assertTrue(all.get("requests_per_second").asDouble() > 0);
        assertTrue(all.get("memory_after").get("heapMegabytes").asDouble() > 0);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '"',
            value = {
                "1 | attention --lengths 3 | --lengths 3, allowed are divisors of --tokens 16384",
                "1 | attention --head-dims 96 | --head-dims 96, allowed are divisors of --hidden",
                "1 | attention --repeats 0 | --repeats 0, allowed is 1 or more",
                "1 | attention --warm-up -1 | --warm-up -1, allowed is 0 or more",
                "2 | attention --lengths a | 'a', allowed are whole numbers",
                "2 | attention --dtype fp64 | FP16, BF16, FP32",
                "2 | attention --mask none | FULL, CAUSAL, BOTH",
                "2 | attention --backends flash,fa3 | 'fa3'",
                "2 | attention --passes sideways | 'sideways'",
                "1 | calls --calls 0 | --calls 0, allowed is 1 or more",
                "1 | calls --repeats 0 | --repeats 0, allowed is 1 or more",
                "1 | embedding --tokens 0 | --tokens 0, allowed is 1 or more",
                "1 | serving --requests 0 | --requests 0, allowed is 1 or more",
                "1 | serving --clients 0 | --clients 0, allowed is 1 or more",
                "1 | decode --cases 256 | --cases '256', allowed are BxF of at least 1",
                "1 | decode --kv-heads 3 | --kv-heads 3, allowed is a divisor of 16",
                "1 | decode --query-heads 0 | --query-heads 0, allowed is 1 or more",
                "1 | decode --backends attend | --backends attend",
            })
    void refuses(int code, String options, String message) {
        Run.of(("bench " + options).split(" ")).assertRefused(code, message);
    }
}
