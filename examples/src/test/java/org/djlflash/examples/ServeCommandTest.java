package org.djlflash.examples;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Path;
import org.djlflash.zoo.bert.TinyBert;
import org.djlflash.zoo.provider.EmbeddedModel;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ServeCommandTest {

    private final HttpClient client = HttpClient.newHttpClient();
    private final ObjectMapper mapper = new ObjectMapper();

    @Test
    void answersAsGenerateAndEmbedDo(@TempDir Path folder) throws Exception {
        TinyBert.write(folder, false);
        String gpt2 = EmbeddedModel.unpack().toString();
        String bert = folder.toString();
        StringWriter out = new StringWriter();
        String[] arguments = {
            "serve",
            "--port",
            "0",
            "--device",
            "cpu",
            "--json",
            "--model",
            gpt2,
            "--name",
            "gpt2",
            "--model",
            bert,
            "--name",
            "bert"
        };
        Thread server =
                new Thread(
                        () ->
                                DjlFlash.run(
                                        new PrintWriter(out, true),
                                        new PrintWriter(new StringWriter()),
                                        arguments));
        server.start();
        while (server.isAlive() && !out.toString().endsWith(System.lineSeparator())) {
            Thread.sleep(20);
        }
        JsonNode said = mapper.readTree(out.toString());
        assertEquals("[\"gpt2\",\"bert\"]", said.get("models").toString());
        String url = said.get("url").asText();
        assertTrue(url.startsWith("http://127.0.0.1:"), url);

        String prompt = "And the king said unto";
        JsonNode completion =
                post(
                        url + "/completions",
                        "{\"model\":\"gpt2\",\"prompt\":\"%s\",\"max_tokens\":9,\"temperature\":0}"
                                .formatted(prompt));
        Run generated =
                Run.of(
                        "generate",
                        "--prompt",
                        prompt,
                        "--max-new-tokens",
                        "9",
                        "--device",
                        "cpu",
                        "--json");
        assertEquals(
                generated.json().get("text").asText(),
                completion.get("choices").get(0).get("text").asText());
        JsonNode vector =
                post(url + "/embeddings", "{\"model\":\"bert\",\"input\":\"the king\"}")
                        .get("data")
                        .get(0)
                        .get("embedding");
        Run embedded =
                Run.of("embed", "--model", bert, "--text", "the king", "--device", "cpu", "--json");
        assertArrayEquals(floats(embedded.json().get("embedding")), floats(vector), 1e-6f);

        server.interrupt();
        server.join();
    }

    private JsonNode post(String url, String body) throws IOException, InterruptedException {
        HttpRequest request =
                HttpRequest.newBuilder(URI.create(url))
                        .header("Content-Type", "application/json")
                        .POST(BodyPublishers.ofString(body))
                        .build();
        return mapper.readTree(client.send(request, BodyHandlers.ofString()).body());
    }

    private static float[] floats(JsonNode numbers) {
        float[] values = new float[numbers.size()];
        for (int i = 0; i < values.length; i++) {
            values[i] = numbers.get(i).floatValue();
        }
        return values;
    }

    @Test
    void whatIsWrongIsSaid(@TempDir Path folder) throws IOException {
        TinyBert.write(folder, false);
        String bert = folder.toString();
        Run.of("serve", "--model", bert, "--name", "a", "--name", "b")
                .assertRefused(1, "2 times --name, allowed is once for each of 1 models");
        Run.of("serve", "--model", bert, "--model", bert, "--port", "0")
                .assertRefused(1, "allowed are different names");
        Run.of("serve", "--model", folder.resolve("no").toString())
                .assertRefused(1, "not a folder");
        Run.of("serve", "--queue", "0").assertRefused(1, "queue of 0");
    }
}
