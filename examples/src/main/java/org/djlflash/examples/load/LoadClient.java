package org.djlflash.examples.load;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandler;
import java.net.http.HttpResponse.BodyHandlers;
import java.util.Map;

/** Speaks HTTP with a server. Safe for use by many threads. */
final class LoadClient {

    static final String COMPLETIONS = "/v1/completions";
    static final String EMBEDDINGS = "/v1/embeddings";
    static final String JSON = "application/json";

    private final HttpClient http =
            HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
    private final JsonMapper mapper = new JsonMapper();
    private final URI base;

    LoadClient(URI base) {
        this.base = base;
    }

    HttpResponse<String> post(String path, Map<String, ?> body)
            throws IOException, InterruptedException {
        return post(path, JSON, mapper.writeValueAsBytes(body));
    }

    HttpResponse<String> post(String path, String type, byte[] body)
            throws IOException, InterruptedException {
        return send(path, type, body, BodyHandlers.ofString());
    }

    HttpResponse<String> get(String path) throws IOException, InterruptedException {
        return http.send(
                HttpRequest.newBuilder(base.resolve(path)).build(), BodyHandlers.ofString());
    }

    /** Hangs up after some bytes of the answer, and returns how many there were. */
    int peek(String path, Map<String, ?> body, int bytes) throws IOException, InterruptedException {
        HttpResponse<InputStream> response =
                send(path, JSON, mapper.writeValueAsBytes(body), BodyHandlers.ofInputStream());
        try (InputStream stream = response.body()) {
            return stream.readNBytes(bytes).length;
        }
    }

    private <T> HttpResponse<T> send(String path, String type, byte[] body, BodyHandler<T> handler)
            throws IOException, InterruptedException {
        HttpRequest request =
                HttpRequest.newBuilder(base.resolve(path))
                        .header("Content-Type", type)
                        .POST(BodyPublishers.ofByteArray(body))
                        .build();
        return http.send(request, handler);
    }

    JsonNode parse(String json) throws IOException {
        return mapper.readTree(json);
    }
}
