package org.djlflash.examples.serve;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.langchain4j.model.StreamingResponseHandler;
import dev.langchain4j.model.openai.OpenAiLanguageModel;
import dev.langchain4j.model.openai.OpenAiStreamingLanguageModel;
import dev.langchain4j.model.output.FinishReason;
import dev.langchain4j.model.output.Response;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.djlflash.zoo.provider.EmbeddedModel;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** LangChain4j finds what it expects. It leaves the number of tokens to the server: 16. */
class LangChainClientTest {

    private static TestModel model;
    private static ModelServer server;

    @BeforeAll
    static void serve() throws Exception {
        model = new TestModel();
        server = model.serve(8, Duration.ofMinutes(2));
    }

    @AfterAll
    static void close() {
        server.close();
        model.close();
    }

    private static String url() {
        return "http://127.0.0.1:" + server.port() + "/v1";
    }

    @Test
    void completes() {
        Response<String> response =
                OpenAiLanguageModel.builder()
                        .baseUrl(url())
                        .apiKey("none")
                        .modelName(EmbeddedModel.NAME)
                        .temperature(0.0)
                        .maxRetries(0)
                        .build()
                        .generate(TestModel.PROMPT);
        assertEquals(model.greedy(TestModel.PROMPT, 16), response.content());
        assertEquals(FinishReason.LENGTH, response.finishReason());
        assertEquals(5, response.tokenUsage().inputTokenCount());
        assertEquals(16, response.tokenUsage().outputTokenCount());
    }

    @Test
    void streams() throws Exception {
        StringBuilder text = new StringBuilder();
        CompletableFuture<Response<String>> end = new CompletableFuture<>();
        OpenAiStreamingLanguageModel.builder()
                .baseUrl(url())
                .apiKey("none")
                .modelName(EmbeddedModel.NAME)
                .temperature(0.0)
                .build()
                .generate(
                        TestModel.PROMPT,
                        new StreamingResponseHandler<>() {
                            @Override
                            public void onNext(String piece) {
                                text.append(piece);
                            }

                            @Override
                            public void onComplete(Response<String> response) {
                                end.complete(response);
                            }

                            @Override
                            public void onError(Throwable error) {
                                end.completeExceptionally(error);
                            }
                        });
        Response<String> response = end.get(2, TimeUnit.MINUTES);
        String expected = model.greedy(TestModel.PROMPT, 16);
        assertEquals(expected, text.toString());
        assertEquals(expected, response.content());
    }
}
