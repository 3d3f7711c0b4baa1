package org.djlflash.examples;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ExplainCommandTest {

    @Test
    void namesTheChosenBackend() {
        Run run = Run.of("explain", "--q", "1,12,1024,64", "--device", "cpu").assertSuccess();
        assertTrue(run.out().contains("torch-sdpa: chosen"), run.out());
        assertTrue(run.out().contains("N=12 T=1024"), run.out());
    }

    @Test
    void saysWhyOthersAreNotChosen() throws Exception {
        JsonNode json =
                Run.of(
                                "explain",
                                "--q",
                                "2,8,16,64",
                                "--kv-heads",
                                "2",
                                "--tk",
                                "32",
                                "--causal",
                                "--dropout",
                                "0.1",
                                "--gradient",
                                "--device",
                                "cpu",
                                "--json")
                        .json();
        String request = json.get("request").asText();
        assertTrue(request.contains("F=32") && request.contains("causal"), request);
        int chosen = 0;
        for (JsonNode backend : json.get("backends")) {
            if (backend.get("chosen").asBoolean()) {
                chosen++;
                assertEquals(json.get("chosen").asText(), backend.get("backend").asText());
            }
        }
        assertEquals(1, chosen, json.toString());
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '"',
            value = {
                "1 | --q 1,2,3 | --q 1,2,3, allowed are four numbers",
                "1 | --q 1,2,3,0 | --q 1,2,3,0, allowed are four numbers",
                "2 | --q a | 'a', allowed are whole numbers",
                "2 | --q 1,2,3,64 --dtype int8 | FP16, BF16, FP32, FP64",
                "1 | --q 1,6,3,64 --kv-heads 4 | --kv-heads 4, allowed is a divisor of 6",
                "1 | --q 1,2,3,64 --tk -1 | --tk -1, allowed is 0 or more",
                "1 | --q 1,2,3,64 --dropout 1 | --dropout 1.0, allowed is 0 (included) to 1",
                "2 | --causal | --q=B,H,T,D",
            })
    void refuses(int code, String options, String message) {
        Run.of(("explain " + options).split(" ")).assertRefused(code, message);
    }
}
