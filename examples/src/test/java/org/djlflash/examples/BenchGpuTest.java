package org.djlflash.examples;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.engine.Engine;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import org.djlflash.torch.TorchLibrary;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Tiny benchmarks: every result passes its check and has a time. */
@Tag("gpu")
class BenchGpuTest {

    @BeforeAll
    static void needGpu() {
        Assumptions.assumeTrue(
                Engine.getEngine(TorchLibrary.ENGINE).getGpuCount() > 0, "PyTorch finds no GPU");
    }

    private static List<JsonNode> lines(String command) throws JsonProcessingException {
        Run run = Run.of((command + " --repeats 2 --warm-up 1 --json").split(" ")).assertSuccess();
        List<JsonNode> lines = new ArrayList<>();
        for (String line : run.out().lines().toList()) {
            lines.add(new ObjectMapper().readTree(line));
        }
        return lines;
    }

    private static Set<String> values(List<JsonNode> lines, String name) {
        return lines.stream().map(line -> line.get(name).asText()).collect(Collectors.toSet());
    }

    private static void assertMeasured(List<JsonNode> results) {
        for (JsonNode result : results) {
            assertFalse(result.has("error"), result.toString());
            assertTrue(result.get("microseconds").asDouble() > 0, result.toString());
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"bf16", "fp32"})
    void attention(String type) throws JsonProcessingException {
        List<JsonNode> lines =
                lines(
                        "bench attention --dtype "
                                + type
                                + " --head-dims 64 --lengths 128 --tokens 256 --hidden 128"
                                + " --backends ours,attend,efficient,eager");
        assertTrue(lines.get(0).get("highest_clock_mhz").asInt() > 0, lines.get(0).toString());
        List<JsonNode> results = lines.subList(1, lines.size());
        assertMeasured(results);
        assertEquals(Set.of("forward", "backward", "training"), values(results, "pass"));
        assertEquals(Set.of("ours", "attend", "efficient", "eager"), values(results, "backend"));
        assertEquals(Set.of("true", "false"), values(results, "causal"));
    }

    @Test
    void decode() throws JsonProcessingException {
        List<JsonNode> lines =
                lines("bench decode --cases 2x256,1x4096 --backends ours,flash,efficient,eager");
        List<JsonNode> results = lines.subList(1, lines.size());
        assertMeasured(results);
        assertEquals(
                Set.of("ours", "flash", "efficient", "eager", "read"), values(results, "backend"));
        for (JsonNode result : results) {
            assertTrue(
                    !result.has("method") || "graph".equals(result.get("method").asText()),
                    result.toString());
        }
    }

    @Test
    void generation() throws JsonProcessingException {
        List<JsonNode> lines = lines("bench generation --cases 1x16,9x300 --steps 4");
        List<JsonNode> results = lines.subList(1, lines.size());
        assertMeasured(results);
        assertEquals(Set.of("16", "300"), values(results, "context"));
        for (JsonNode result : results) {
            double share = result.get("of_limit").asDouble();
            assertTrue(share > 0 && share < 1, result.toString());
        }
    }
}
