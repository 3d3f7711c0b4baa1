package org.djlflash.examples.serve;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.openai.client.OpenAIClient;
import com.openai.client.okhttp.OpenAIOkHttpClient;
import com.openai.errors.BadRequestException;
import com.openai.errors.NotFoundException;
import com.openai.models.embeddings.CreateEmbeddingResponse;
import com.openai.models.embeddings.EmbeddingCreateParams;
import com.openai.models.embeddings.EmbeddingCreateParams.EncodingFormat;
import dev.langchain4j.data.embedding.Embedding;
import dev.langchain4j.data.segment.TextSegment;
import dev.langchain4j.model.openai.OpenAiEmbeddingModel;
import dev.langchain4j.model.output.Response;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.stream.IntStream;
import org.djlflash.zoo.bert.TinyBert;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** {@code /v1/embeddings} through clients that no one here wrote, and through bare HTTP. */
class EmbeddingsTest {

    private static final List<String> TEXTS =
            List.of("the king", "go out and see the light", "said unto them", "é \uD83D\uDE00 \0");

    @TempDir static Path folder;

    private static TestEmbedder model;
    private static ModelServer server;
    private static OpenAIClient client;
    private static Http http;

    @BeforeAll
    static void serve() throws Exception {
        model = new TestEmbedder(folder);
        server = model.serve();
        http = new Http(server);
        client =
                OpenAIOkHttpClient.builder()
                        .baseUrl("http://127.0.0.1:" + server.port() + "/v1")
                        .apiKey("none")
                        .maxRetries(0)
                        .build();
    }

    @AfterAll
    static void close() {
        client.close();
        server.close();
        model.close();
    }

    private static EmbeddingCreateParams.Builder request() {
        return EmbeddingCreateParams.builder().model(TestEmbedder.NAME);
    }

    private static float[] floats(List<? extends Number> numbers) {
        float[] values = new float[numbers.size()];
        for (int i = 0; i < values.length; i++) {
            values[i] = numbers.get(i).floatValue();
        }
        return values;
    }

    private static void assertVectors(CreateEmbeddingResponse response) {
        assertEquals(TEXTS.size(), response.data().size());
        for (int i = 0; i < TEXTS.size(); i++) {
            assertEquals(i, response.data().get(i).index());
            assertArrayEquals(
                    model.embed(TEXTS.get(i)), floats(response.data().get(i).embedding()), 1e-6f);
        }
    }

    @ParameterizedTest
    @EnumSource(
            value = EncodingFormat.Known.class,
            names = {"FLOAT", "BASE64"})
    void openAiEmbedsTexts(EncodingFormat.Known format) {
        CreateEmbeddingResponse response =
                client.embeddings()
                        .create(
                                request()
                                        .inputOfArrayOfStrings(TEXTS)
                                        .encodingFormat(
                                                EncodingFormat.of(format.name().toLowerCase()))
                                        .build())
                        .validate();
        assertVectors(response);
        assertEquals(TestEmbedder.NAME, response.model());
        assertEquals(4 + 8 + 5 + 4, response.usage().promptTokens());
        assertEquals(response.usage().promptTokens(), response.usage().totalTokens());
    }

    @Test
    void openAiEmbedsOneTextAndTokens() {
        CreateEmbeddingResponse one =
                client.embeddings().create(request().input("the king").build());
        assertArrayEquals(model.embed("the king"), floats(one.data().get(0).embedding()), 1e-6f);
        CreateEmbeddingResponse ids =
                client.embeddings()
                        .create(request().inputOfArrayOfTokens(List.of(2L, 4L, 5L, 3L)).build());
        assertArrayEquals(model.embed("the king"), floats(ids.data().get(0).embedding()), 1e-6f);
        CreateEmbeddingResponse rows =
                client.embeddings()
                        .create(
                                request()
                                        .inputOfArrayOfTokenArrays(
                                                List.of(List.of(2L, 7L, 3L), List.of(9L)))
                                        .build());
        assertArrayEquals(model.embed(2, 7, 3), floats(rows.data().get(0).embedding()), 1e-6f);
        assertArrayEquals(model.embed(9), floats(rows.data().get(1).embedding()), 1e-6f);
        assertEquals(4, rows.usage().promptTokens());
    }

    @Test
    void openAiUnderstandsRefusals() {
        NotFoundException unknown =
                assertThrows(
                        NotFoundException.class,
                        () ->
                                client.embeddings()
                                        .create(request().model("ada").input("a").build()));
        assertEquals("model_not_found", unknown.code().orElseThrow());
        assertTrue(unknown.getMessage().contains("allowed is tiny-bert"), unknown.getMessage());
        BadRequestException dimensions =
                assertThrows(
                        BadRequestException.class,
                        () ->
                                client.embeddings()
                                        .create(request().input("a").dimensions(3).build()));
        assertEquals("dimensions", dimensions.param().orElseThrow());
    }

    @Test
    void langChainEmbeds() {
        OpenAiEmbeddingModel embeddings =
                OpenAiEmbeddingModel.builder()
                        .baseUrl("http://127.0.0.1:" + server.port() + "/v1")
                        .apiKey("none")
                        .modelName(TestEmbedder.NAME)
                        .dimensions(TinyBert.WIDTH)
                        .maxRetries(0)
                        .build();
        Response<List<Embedding>> response =
                embeddings.embedAll(TEXTS.stream().map(TextSegment::from).toList());
        for (int i = 0; i < TEXTS.size(); i++) {
            assertArrayEquals(model.embed(TEXTS.get(i)), response.content().get(i).vector(), 1e-6f);
        }
        assertEquals(21, response.tokenUsage().inputTokenCount());
        assertEquals(TinyBert.WIDTH, embeddings.embed("the light").content().dimension());
    }

    /** More texts than are computed at once, of many requests at once. */
    @Test
    void manyTextsOfManyRequests() throws Exception {
        List<String> texts =
                IntStream.range(0, 700).mapToObj(i -> TEXTS.get(i % TEXTS.size())).toList();
        String body = body("input", texts);
        List<CompletableFuture<HttpResponse<String>>> answers = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            answers.add(http.start("/v1/embeddings", body));
        }
        for (CompletableFuture<HttpResponse<String>> answer : answers) {
            JsonNode data = Http.json(answer.get()).get("data");
            assertEquals(700, data.size());
            for (int i = 0; i < 700; i++) {
                JsonNode vector = data.get(i).get("embedding");
                float[] expected = model.embed(texts.get(i));
                assertEquals(expected.length, vector.size());
                assertEquals(
                        expected[i % expected.length],
                        vector.get(i % expected.length).floatValue(),
                        1e-6f);
            }
        }
    }

    /** As {@code embed} does. */
    @Test
    void whatIsTooLongIsCutOff() throws Exception {
        String text = "go out ".repeat(50).strip();
        JsonNode json = Http.json(http.post("/v1/embeddings", body("input", text)));
        assertEquals(TinyBert.POSITIONS, json.get("usage").get("prompt_tokens").asInt());
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "model | 7",
                "input | null",
                "input | 7",
                "input | {}",
                "input | \"\"",
                "input | []",
                "input | [[]]",
                "input | [\"a\", 1]",
                "input | [\"a\", \"\"]",
                "input | [1, \"a\"]",
                "input | [[1], 2]",
                "input | [1.5]",
                "input | [-1]",
                "input | [99]",
                "input | [99999999999999999999]",
                "input | [1,1,1,1,1,1,1,1,1,1,1,1,1]",
                "input | \"\\ud800\"",
                "encoding_format | \"int8\"",
                "encoding_format | 1",
                "dimensions | 0",
                "dimensions | 7",
                "stream | true"
            })
    void refusesFields(String key, String value) throws Exception {
        HttpResponse<String> response =
                http.post("/v1/embeddings", body(key, "@").replace("\"@\"", value));
        JsonNode error = RefusalTest.assertRefused(400, response);
        assertEquals(key, error.get("param").asText(), error.toString());
    }

    @Test
    void refusesTooMuch() throws Exception {
        List<String> texts = Collections.nCopies(2049, "a");
        HttpResponse<String> many = http.post("/v1/embeddings", body("input", texts));
        String message = RefusalTest.assertRefused(400, many).get("message").asText();
        assertEquals("2049 texts, allowed is from 1 to 2048", message);
        String large = body("input", "x".repeat(10_000_000));
        RefusalTest.assertRefused(413, http.post("/v1/embeddings", large));
        RefusalTest.assertRefused(405, http.get("/v1/embeddings"));
        RefusalTest.assertRefused(404, http.complete(Http.body("model", TestEmbedder.NAME)));
    }

    private static String body(String key, Object value) throws Exception {
        return Http.of("model", TestEmbedder.NAME, "input", "the king", key, value);
    }
}
