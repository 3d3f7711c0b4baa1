package org.djlflash.examples;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.engine.Engine;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.util.List;
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
                .assertRefused(2, "subcommand", "allowed are attention, decode, training, calls");
    }

    @ParameterizedTest
    @ValueSource(strings = {"attention", "decode", "calls"})
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
                "2 | attention --dtype fp32 | FP16, BF16",
                "2 | attention --mask none | FULL, CAUSAL, BOTH",
                "2 | attention --backends flash,fa3 | 'fa3'",
                "2 | attention --passes sideways | 'sideways'",
                "1 | calls --calls 0 | --calls 0, allowed is 1 or more",
                "1 | calls --repeats 0 | --repeats 0, allowed is 1 or more",
                "1 | decode --cases 256 | --cases '256', allowed are BxF of at least 1",
                "1 | decode --kv-heads 3 | --kv-heads 3, allowed is a divisor of 16",
                "1 | decode --query-heads 0 | --query-heads 0, allowed is 1 or more",
                "1 | decode --backends attend | --backends attend",
            })
    void refuses(int code, String options, String message) {
        Run.of(("bench " + options).split(" ")).assertRefused(code, message);
    }
}
