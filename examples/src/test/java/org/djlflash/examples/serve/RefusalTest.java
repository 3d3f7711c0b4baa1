package org.djlflash.examples.serve;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.ByteArrayInputStream;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Collections;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What is wrong is refused with OpenAI's error object, and nothing is generated for it. */
class RefusalTest {

    private static TestModel model;
    private static ModelServer server;
    private static Http http;

    @BeforeAll
    static void serve() throws Exception {
        model = new TestModel();
        // No request may come as far as the generator.
        model.hold();
        server = model.serve(4, Duration.ofMinutes(2));
        http = new Http(server);
    }

    @AfterAll
    static void close() {
        assertFalse(model.isHolding());
        model.letGo();
        server.close();
        model.close();
    }

    static JsonNode assertRefused(int status, HttpResponse<String> response) throws Exception {
        assertEquals(status, response.statusCode(), response.body());
        assertEquals(
                "application/json", response.headers().firstValue("Content-Type").orElseThrow());
        JsonNode error = Http.json(response).get("error");
        assertTrue(error.get("message").isTextual(), response.body());
        assertTrue(error.get("type").isTextual(), response.body());
        assertTrue(error.has("param") && error.has("code"), response.body());
        assertFalse(response.body().contains("Exception"), response.body());
        return error;
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "{",
                "null",
                "[]",
                "\"x\"",
                "{\"model\": \"gpt2-kjv-6m\", \"model\": \"x\"}",
                "{\"model\": \"gpt2-kjv-6m\"} {}",
                "{\"model\": \"gpt2-kjv-6m\", 'prompt': \"x\"}",
                "{\"temperature\": NaN}"
            })
    void refusesWhatIsNotAnObject(String body) throws Exception {
        assertRefused(400, http.complete(body));
    }

    @Test
    void refusesWhatIsNotUtf8OrTooDeep() throws Exception {
        byte[] latin = "{\"prompt\": \"\u00e9\"}".getBytes(StandardCharsets.ISO_8859_1);
        assertRefused(400, http.send(http.complete(BodyPublishers.ofByteArray(latin))));
        String deep = "{\"prompt\":" + "[".repeat(20_000) + "]".repeat(20_000) + "}";
        assertRefused(400, http.complete(deep));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "model | 7",
                "model | null",
                "prompt | null",
                "prompt | 7",
                "prompt | []",
                "prompt | {}",
                "prompt | [1, 2]",
                "prompt | [\"a\", null]",
                "prompt | [\"a\", \"b\", \"c\", \"d\", \"e\"]",
                "prompt | \"\"",
                "prompt | \"\\ud800 x\"",
                "max_tokens | 0",
                "max_tokens | -1",
                "max_tokens | 1.5",
                "max_tokens | \"5\"",
                "max_tokens | 99999999999",
                "temperature | -0.1",
                "temperature | 2.1",
                "temperature | 1e999",
                "temperature | \"hot\"",
                "top_p | 1.1",
                "top_p | -1",
                "n | 2",
                "n | 0",
                "best_of | 3",
                "echo | true",
                "echo | \"no\"",
                "logprobs | 1",
                "suffix | \"x\"",
                "logit_bias | {\"50256\": -100}",
                "logit_bias | 3",
                "presence_penalty | 0.5",
                "frequency_penalty | -2",
                "stop | 3",
                "stop | \"\"",
                "stop | [\"a\", \"b\", \"c\", \"d\", \"e\"]",
                "seed | 1.5",
                "seed | 99999999999999999999",
                "stream | 1",
                "stream_options | {\"include_usage\": true}",
                "no_such_field | 1"
            })
    void refusesFields(String key, String value) throws Exception {
        String body = Http.body(key, "@").replace("\"@\"", value);
        JsonNode error = assertRefused(400, http.complete(body));
        assertEquals(key, error.get("param").asText(), error.toString());
        assertEquals("invalid_request_error", error.get("type").asText());
    }

    @Test
    void refusesTooLongAPrompt() throws Exception {
        JsonNode error =
                assertRefused(400, http.complete(Http.body("prompt", "king ".repeat(600))));
        assertEquals("context_length_exceeded", error.get("code").asText());
        assertRefused(400, http.complete(Http.body("max_tokens", Integer.MAX_VALUE)));
    }

    @Test
    void refusesUnknownModels() throws Exception {
        JsonNode error = assertRefused(404, http.complete(Http.body("model", "gpt-4")));
        assertEquals("model_not_found", error.get("code").asText());
        assertRefused(404, http.get("/v1/models/gpt-4"));
    }

    @Test
    void refusesTooLargeARequest() throws Exception {
        String body = Http.body("prompt", "x".repeat(1 << 16));
        assertRefused(413, http.complete(body));
        byte[] bytes = body.getBytes(StandardCharsets.UTF_8);
        // The length is not told beforehand.
        assertRefused(
                413,
                http.send(
                        http.complete(
                                BodyPublishers.ofInputStream(
                                        () -> new ByteArrayInputStream(bytes)))));
    }

    /** The client is still sending when that is known. */
    @Test
    void tellsWhatIsWrongToOneThatSendsMuch() throws Exception {
        byte[] bytes = new byte[20_000_000];
        for (String type : new String[] {"application/json", "text/plain"}) {
            for (int i = 0; i < 5; i++) {
                assertRefused(
                        type.startsWith("text") ? 415 : 413,
                        http.send(
                                http.request("/v1/completions")
                                        .header("Content-Type", type)
                                        .POST(BodyPublishers.ofByteArray(bytes))
                                        .build()));
            }
        }
    }

    @Test
    void refusesOtherTypesPathsAndMethods() throws Exception {
        assertRefused(
                415,
                http.send(
                        http.request("/v1/completions")
                                .header("Content-Type", "text/plain")
                                .POST(BodyPublishers.ofString(Http.body()))
                                .build()));
        assertRefused(
                415,
                http.send(
                        http.request("/v1/completions")
                                .POST(BodyPublishers.ofString(Http.body()))
                                .build()));
        assertRefused(404, http.get("/v1/chat"));
        assertRefused(404, http.get("/"));
        assertRefused(405, http.get("/v1/completions"));
        assertRefused(405, http.send(http.request("/v1/models").DELETE().build()));
    }

    @Test
    void countsWhatItRefuses() throws Exception {
        String name = "djlflash_requests_total{path=\"/v1/models/{model}\",status=\"404\"}";
        double before = http.metric(name);
        http.get("/v1/models/" + String.join("", Collections.nCopies(20, "made-up")));
        assertEquals(before + 1, http.metric(name));
        assertEquals(0, http.metric("djlflash_tokens_total{kind=\"completion\"}"));
    }
}
