package org.djlflash.examples.serve;

import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublisher;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.function.BooleanSupplier;
import java.util.stream.Stream;

/** Requests that no client library would make. */
final class Http {

    private static final ObjectMapper MAPPER = new ObjectMapper();
    private static final Duration PATIENCE = Duration.ofSeconds(60);

    private final HttpClient client = HttpClient.newHttpClient();
    private final int port;

    Http(ModelServer server) {
        port = server.port();
    }

    /** A body for the test model, with these fields in place of the usual ones. */
    static String body(Object... fields) throws IOException {
        return of(
                Stream.concat(
                                Stream.of(
                                        "model",
                                        "gpt2-kjv-6m",
                                        "prompt",
                                        TestModel.PROMPT,
                                        "temperature",
                                        0,
                                        "max_tokens",
                                        4),
                                Stream.of(fields))
                        .toArray());
    }

    /** A body of fields, of which the last of a name counts. */
    static String of(Object... fields) throws IOException {
        Map<String, Object> json = new TreeMap<>();
        for (int i = 0; i < fields.length; i += 2) {
            json.put((String) fields[i], fields[i + 1]);
        }
        return MAPPER.writeValueAsString(json);
    }

    static JsonNode json(HttpResponse<String> response) throws IOException {
        return MAPPER.readTree(response.body());
    }

    HttpRequest.Builder request(String path) {
        return HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + path))
                .timeout(PATIENCE);
    }

    HttpResponse<String> get(String path) throws IOException, InterruptedException {
        return client.send(request(path).build(), BodyHandlers.ofString());
    }

    HttpResponse<String> send(HttpRequest request) throws IOException, InterruptedException {
        return client.send(request, BodyHandlers.ofString());
    }

    HttpRequest complete(BodyPublisher body) {
        return post("/v1/completions", body);
    }

    private HttpRequest post(String path, BodyPublisher body) {
        return request(path)
                .header("Content-Type", "application/json; charset=utf-8")
                .POST(body)
                .build();
    }

    HttpResponse<String> complete(String body) throws IOException, InterruptedException {
        return send(complete(BodyPublishers.ofString(body)));
    }

    HttpResponse<String> post(String path, String body) throws IOException, InterruptedException {
        return send(post(path, BodyPublishers.ofString(body)));
    }

    CompletableFuture<HttpResponse<String>> start(String body) {
        return start("/v1/completions", body);
    }

    CompletableFuture<HttpResponse<String>> start(String path, String body) {
        return client.sendAsync(post(path, BodyPublishers.ofString(body)), BodyHandlers.ofString());
    }

    /** Sends a request and leaves the answer unread. */
    Socket open(String body) throws IOException {
        return open(body.getBytes(StandardCharsets.UTF_8).length, body);
    }

    /** Sends a request that says how long its body is. */
    Socket open(int length, String body) throws IOException {
        Socket socket = new Socket("127.0.0.1", port);
        byte[] bytes = body.getBytes(StandardCharsets.UTF_8);
        String head =
                "POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json"
                        + "\r\nContent-Length: "
                        + length
                        + "\r\n\r\n";
        socket.getOutputStream().write(head.getBytes(StandardCharsets.US_ASCII));
        socket.getOutputStream().write(bytes);
        return socket;
    }

    /** The value of a line of {@code /metrics}, 0 if there is none. */
    double metric(String name) throws IOException, InterruptedException {
        return get("/metrics")
                .body()
                .lines()
                .filter(line -> line.startsWith(name + " "))
                .mapToDouble(line -> Double.parseDouble(line.substring(name.length() + 1)))
                .sum();
    }

    void awaitMetric(String name, double value) throws Exception {
        long end = System.nanoTime() + PATIENCE.toNanos();
        while (metric(name) != value) {
            assertTrue(System.nanoTime() < end, name + " is " + metric(name) + ", not " + value);
            Thread.sleep(20);
        }
    }

    static void await(BooleanSupplier condition) throws InterruptedException {
        long end = System.nanoTime() + PATIENCE.toNanos();
        while (!condition.getAsBoolean()) {
            assertTrue(System.nanoTime() < end, "waited in vain");
            Thread.sleep(20);
        }
    }
}
