package org.djlflash.examples;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import org.junit.jupiter.api.Test;

class DoctorCommandTest {

    @Test
    void saysWhatItFound() {
        Run run = Run.of("doctor").assertSuccess();
        for (String fact : new String[] {"java: ", "libtorch: 2.7.1", "driver: ", "nvrtc: "}) {
            assertTrue(run.out().contains(fact), run.out());
        }
        assertEquals("", run.err());
    }

    @Test
    void printsJson() throws Exception {
        JsonNode json = Run.of("doctor", "--json", "--device", "cpu").json();
        assertTrue(json.get("gpus").isArray(), json.toString());
        assertTrue(
                json.get("backends").findValuesAsText("backend").contains("torch-sdpa"),
                json.toString());
    }
}
