package org.djlflash.examples.load;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A server that says anything: what is wrong is noticed. */
class AskTest {

    private HttpServer server;
    private LoadClient client;
    private int status = 200;
    private String answer = "";

    @BeforeEach
    void serve() throws IOException {
        server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.createContext(
                "/",
                exchange -> {
                    exchange.getRequestBody().readAllBytes();
                    byte[] bytes = answer.getBytes(StandardCharsets.UTF_8);
                    exchange.sendResponseHeaders(status, bytes.length);
                    exchange.getResponseBody().write(bytes);
                    exchange.close();
                });
        server.start();
        client = new LoadClient(URI.create("http://127.0.0.1:" + server.getAddress().getPort()));
    }

    @AfterEach
    void close() {
        server.stop(0);
    }

    private void wrong(String part, Ask ask) throws Exception {
        Optional<String> wrong = ask.send(client);
        assertTrue(wrong.orElse("").contains(part), wrong.toString());
    }

    private void right(Ask ask) throws Exception {
        assertEquals(Optional.empty(), ask.send(client));
    }

    @Test
    void completions() throws Exception {
        Ask ask = new CompletionAsk(Map.of(), "ab", false);
        answer = "{\"choices\":[{\"text\":\"ab\"}]}";
        right(ask);
        answer = "{\"choices\":[{\"text\":\"ac\"}]}";
        wrong("wanted ab, found ac", ask);
        answer = "{}";
        wrong("wanted ab, found ", ask);
        status = 429;
        wrong("{}", ask);
    }

    @Test
    void streams() throws Exception {
        Ask ask = new CompletionAsk(Map.of(), "ab", true);
        String a = "data: {\"choices\":[{\"text\":\"a\"}]}\n\n";
        String b = "data: {\"choices\":[{\"text\":\"b\"}]}\n\n";
        answer = a + b + "data: [DONE]\n\n";
        right(ask);
        answer = b + a + "data: [DONE]\n\n";
        wrong("found ba", ask);
        answer = a + b;
        wrong("a stream that ends with", ask);
    }

    @Test
    void embeddings() throws Exception {
        Ask ask = new EmbeddingAsk(Map.of(), List.of(new float[] {1, 2}), 0.1);
        answer = "{\"data\":[{\"embedding\":[1.05,2]}]}";
        right(ask);
        answer = "{\"data\":[{\"embedding\":[1,2.2]}]}";
        wrong("off by 0.2", ask);
        for (String other : List.of("[1]", "[1,2,3]", "[1,\"NaN\"]", "null")) {
            answer = "{\"data\":[{\"embedding\":" + other + "}]}";
            wrong("off by NaN", ask);
        }
        answer = "{\"data\":[]}";
        wrong("found 0 vectors", ask);
    }

    @Test
    void refusals() throws Exception {
        Ask ask = new HostileAsk("/", "x/y", new byte[3], 400);
        answer = "{\"error\":{\"message\":\"m\",\"type\":\"t\"}}";
        wrong("found 200", ask);
        status = 400;
        right(ask);
        answer = "{\"error\":\"m\"}";
        wrong("wanted 400 with an error, found 400", ask);
    }

    @Test
    void cutsOff() throws Exception {
        answer = "x".repeat(99);
        right(new CutOffAsk(Map.of(), 99));
        wrong("wanted 100, found 99", new CutOffAsk(Map.of(), 100));
    }

    @ParameterizedTest
    @CsvSource({"50, 2", "75, 3", "76, 4", "99, 4", "100, 4", "1, 1"})
    void percentiles(int percent, double expected) {
        assertEquals(expected, LoadResult.percentile(new double[] {1, 2, 3, 4}, percent));
    }
}
