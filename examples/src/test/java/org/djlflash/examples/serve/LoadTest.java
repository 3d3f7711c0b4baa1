package org.djlflash.examples.serve;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.net.Socket;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** Many clients at once, some of them bad. */
class LoadTest {

    private static final int CLIENTS = 8;
    private static final int REQUESTS = 60;

    /** Their prompts may wait a moment longer than they do. */
    private static final int HANG_UPS = REQUESTS / 5;

    private static final List<String> PROMPTS =
            List.of("And", "In the beginning", TestModel.PROMPT, "The LORD is my", "Blessed are");

    private final ObjectMapper mapper = new ObjectMapper();

    @Test
    void everyoneGetsWhatIsDue() throws Exception {
        try (TestModel model = new TestModel();
                ModelServer server = model.serve(CLIENTS + HANG_UPS, Duration.ofMinutes(5))) {
            List<String> expected =
                    IntStream.range(0, PROMPTS.size())
                            .mapToObj(i -> model.greedy(PROMPTS.get(i), tokens(i)))
                            .toList();
            Http http = new Http(server);
            ExecutorService clients = Executors.newFixedThreadPool(CLIENTS);
            List<Future<?>> requests = new ArrayList<>();
            for (int i = 0; i < REQUESTS; i++) {
                int number = i;
                requests.add(
                        clients.submit(
                                () -> {
                                    request(http, number, expected);
                                    return null;
                                }));
            }
            clients.shutdown();
            for (Future<?> request : requests) {
                request.get();
            }
            http.awaitMetric("djlflash_hang_ups_total", HANG_UPS);
            String path = "djlflash_requests_total{path=\"/v1/completions\",status=";
            assertEquals(REQUESTS / 5, http.metric(path + "\"400\"}"));
            http.awaitMetric(BusyServerTest.RUNNING, 0);
            assertEquals(0, http.metric(BusyServerTest.WAITING));
        }
    }

    private static int tokens(int prompt) {
        return 6 + 3 * prompt;
    }

    private void request(Http http, int number, List<String> expected) throws Exception {
        int prompt = (number / 5) % PROMPTS.size();
        String text = PROMPTS.get(prompt);
        int tokens = tokens(prompt);
        switch (number % 5) {
            case 0, 1 -> {
                HttpResponse<String> response =
                        http.complete(Http.body("prompt", text, "max_tokens", tokens));
                assertEquals(200, response.statusCode(), response.body());
                JsonNode choice = Http.json(response).get("choices").get(0);
                assertEquals(expected.get(prompt), choice.get("text").asText());
            }
            case 2 -> {
                HttpResponse<String> response =
                        http.complete(
                                Http.body("prompt", text, "max_tokens", tokens, "stream", true));
                assertEquals(expected.get(prompt), streamed(response.body()));
            }
            case 3 -> {
                String body = Http.body("max_tokens", 400, "stream", number % 2 == 0);
                try (Socket socket = http.open(body)) {
                    if (number % 2 == 0) {
                        assertTrue(socket.getInputStream().read() >= 0);
                    }
                }
            }
            default -> {
                HttpResponse<String> response = http.complete(Http.body("max_tokens", -number));
                assertEquals(400, response.statusCode(), response.body());
            }
        }
    }

    private String streamed(String body) throws IOException {
        assertTrue(body.endsWith("data: [DONE]\n\n"), body);
        StringBuilder text = new StringBuilder();
        for (String event : body.split("\n\n")) {
            if (!event.equals("data: [DONE]")) {
                JsonNode piece = mapper.readTree(event.substring("data: ".length()));
                text.append(piece.get("choices").get(0).get("text").asText());
            }
        }
        return text.toString();
    }
}
