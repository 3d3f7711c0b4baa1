package org.djlflash.examples.serve;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.net.ConnectException;
import java.net.Socket;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** A server that has enough to do: queue, time limit, clients that hang up, shutdown. */
class BusyServerTest {

    static final String RUNNING = "djlflash_running{model=\"gpt2-kjv-6m\"}";
    static final String WAITING = "djlflash_waiting{model=\"gpt2-kjv-6m\"}";
    private static final String GONE = "djlflash_hang_ups_total";
    private static final String GENERATED = "djlflash_tokens_total{kind=\"completion\"}";

    private static TestModel model;

    private ModelServer server;
    private Http http;

    @BeforeAll
    static void load() throws Exception {
        model = new TestModel();
    }

    @AfterAll
    static void close() {
        model.close();
    }

    private void serve(int queue, Duration time) {
        server = model.serve(queue, time);
        http = new Http(server);
    }

    @AfterEach
    void closeServer() {
        model.letGo();
        server.close();
    }

    @Test
    void whatWaitsIsContinuedAtOnceEachInItsOwnWay() throws Exception {
        String[] bodies = {
            Http.body("max_tokens", 48),
            Http.body("prompt", "In the beginning", "max_tokens", 9),
            Http.body("temperature", 1, "seed", 7, "max_tokens", 30),
            Http.body("max_tokens", 400, "stop", "\n"),
            Http.body("temperature", 0.8, "top_p", 0.9, "seed", 8)
        };
        serve(8, Duration.ofMinutes(2));
        List<JsonNode> alone = new ArrayList<>();
        for (String body : bodies) {
            alone.add(Http.json(http.complete(body)).get("choices"));
        }
        model.batches().clear();
        model.hold();
        List<CompletableFuture<HttpResponse<String>>> together = new ArrayList<>();
        for (String body : bodies) {
            together.add(http.start(body));
            http.awaitMetric(RUNNING, 1);
            http.awaitMetric(WAITING, together.size() - 1);
        }
        model.letGo();
        for (int i = 0; i < bodies.length; i++) {
            assertEquals(alone.get(i), Http.json(together.get(i).get()).get("choices"));
        }
        assertEquals(List.of(1, 4), model.batches());
    }

    @Test
    void refusesWhatTheQueueDoesNotHold() throws Exception {
        serve(2, Duration.ofMinutes(2));
        model.hold();
        CompletableFuture<HttpResponse<String>> running = http.start(Http.body());
        http.awaitMetric(RUNNING, 1);
        CompletableFuture<HttpResponse<String>> waiting = http.start(Http.body("stream", true));
        http.awaitMetric(WAITING, 1);
        HttpResponse<String> refused = http.complete(Http.body("prompt", new String[] {"a", "b"}));
        assertEquals(429, refused.statusCode());
        JsonNode error = Http.json(refused).get("error");
        assertEquals("rate_limit_exceeded", error.get("code").asText());
        CompletableFuture<HttpResponse<String>> last = http.start(Http.body());
        http.awaitMetric(WAITING, 2);
        assertEquals(429, http.complete(Http.body("stream", true)).statusCode());
        assertEquals(200, http.get("/health").statusCode());
        model.letGo();
        assertEquals(200, running.get().statusCode());
        assertTrue(waiting.get().body().endsWith("data: [DONE]\n\n"), waiting.get().body());
        assertEquals(200, last.get().statusCode());
    }

    @Test
    void endsWhatTakesTooLong() throws Exception {
        serve(4, Duration.ofSeconds(1));
        model.hold();
        HttpResponse<String> whole = http.complete(Http.body());
        assertEquals(504, whole.statusCode(), whole.body());
        assertEquals("timeout", Http.json(whole).get("error").get("code").asText());
        HttpResponse<String> stream = http.complete(Http.body("stream", true));
        assertEquals(200, stream.statusCode());
        assertTrue(stream.body().startsWith("data: {\"error\":"), stream.body());
        assertFalse(stream.body().contains("[DONE]"), stream.body());
        http.awaitMetric(WAITING, 0);
        model.letGo();
        http.awaitMetric(RUNNING, 0);
        assertTrue(http.metric(GENERATED) <= 1, "tokens for no one");
    }

    @Test
    void doesNotWaitLongForARequest() throws Exception {
        serve(4, Duration.ofSeconds(1));
        try (Socket client = http.open(1000, "{")) {
            Thread.sleep(1100);
            client.getOutputStream().write(' ');
            String answer = new String(client.getInputStream().readNBytes(12));
            assertEquals("HTTP/1.1 408", answer);
        }
    }

    @Test
    void aClientThatHangsUpEndsItsGeneration() throws Exception {
        serve(4, Duration.ofMinutes(2));
        model.hold();
        String[] bodies = {
            Http.body("max_tokens", 400), Http.body("max_tokens", 400, "stream", true)
        };
        for (int i = 0; i < bodies.length; i++) {
            Socket running = http.open(bodies[i]);
            http.awaitMetric(RUNNING, 1);
            Socket waiting = http.open(bodies[i]);
            http.awaitMetric(WAITING, 1);
            waiting.close();
            http.awaitMetric(WAITING, 0);
            running.close();
            http.awaitMetric(GONE, 2 * i + 2);
            model.letGo();
            http.awaitMetric(RUNNING, 0);
            model.hold();
        }
        assertTrue(http.metric(GENERATED) <= 2, "tokens for no one");
    }

    @Test
    void aStreamThatIsCutOffEndsItsGeneration() throws Exception {
        serve(4, Duration.ofMinutes(2));
        Socket client = http.open(Http.body("max_tokens", 500, "stream", true));
        byte[] begin = client.getInputStream().readNBytes(1000);
        assertEquals(1000, begin.length);
        client.close();
        http.awaitMetric(GONE, 1);
        http.awaitMetric(RUNNING, 0);
        assertTrue(http.metric(GENERATED) < 400, http.metric(GENERATED) + " tokens");
    }

    @Test
    void aRequestBehindAnotherOnOneConnectionIsAnsweredOrTheConnectionCloses() throws Exception {
        serve(4, Duration.ofMinutes(2));
        model.hold();
        try (Socket client = http.open(Http.body())) {
            http.awaitMetric(RUNNING, 1);
            client.getOutputStream().write("GET /health HTTP/1.1\r\nHost: x\r\n\r\n".getBytes());
            Thread.sleep(500);
            model.letGo();
            String answer = new String(client.getInputStream().readAllBytes());
            assertTrue(answer.startsWith("HTTP/1.1 200"), answer);
            assertTrue(answer.contains("Connection: close"), answer);
            assertTrue(answer.contains("\"finish_reason\":\"length\""), answer);
        }
    }

    @Test
    void shutdownFinishesWhatItHasAndRefusesTheRest() throws Exception {
        serve(4, Duration.ofMinutes(2));
        model.hold();
        CompletableFuture<HttpResponse<String>> running = http.start(Http.body("max_tokens", 48));
        http.awaitMetric(RUNNING, 1);
        CompletableFuture<HttpResponse<String>> waiting =
                http.start(Http.body("max_tokens", 48, "stream", true));
        http.awaitMetric(WAITING, 1);
        CompletableFuture<Void> closing = CompletableFuture.runAsync(server::close);
        Http.await(() -> status("/health") == 503);
        HttpResponse<String> refused = http.complete(Http.body());
        assertEquals(503, refused.statusCode());
        assertEquals("shutting_down", Http.json(refused).get("error").get("code").asText());
        model.letGo();
        closing.get();
        JsonNode choice = Http.json(running.get()).get("choices").get(0);
        assertEquals(TestModel.GREEDY, choice.get("text").asText());
        assertTrue(waiting.get().body().endsWith("data: [DONE]\n\n"), waiting.get().body());
        assertThrows(ConnectException.class, () -> http.get("/health"));
    }

    private int status(String path) {
        try {
            return http.get(path).statusCode();
        } catch (IOException | InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    @Test
    void shutdownDoesNotWaitForever() throws Exception {
        serve(4, Duration.ofSeconds(1));
        model.hold();
        CompletableFuture<HttpResponse<String>> whole =
                http.start(Http.body("prompt", new String[] {"a", "b"}, "max_tokens", 510));
        http.awaitMetric(RUNNING, 2);
        CompletableFuture<Void> closing = CompletableFuture.runAsync(server::close);
        assertTrue(whole.get().statusCode() >= 503, whole.get().body());
        model.letGo();
        closing.get();
    }
}
