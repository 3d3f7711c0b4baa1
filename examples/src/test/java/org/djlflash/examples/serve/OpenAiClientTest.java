package org.djlflash.examples.serve;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.openai.client.OpenAIClient;
import com.openai.client.okhttp.OpenAIOkHttpClient;
import com.openai.core.http.StreamResponse;
import com.openai.errors.BadRequestException;
import com.openai.errors.NotFoundException;
import com.openai.models.chat.completions.ChatCompletionStreamOptions;
import com.openai.models.completions.Completion;
import com.openai.models.completions.CompletionChoice;
import com.openai.models.completions.CompletionChoice.FinishReason;
import com.openai.models.completions.CompletionCreateParams;
import com.openai.models.completions.CompletionUsage;
import com.openai.models.models.Model;
import java.time.Duration;
import java.util.List;
import java.util.stream.Collectors;
import org.djlflash.zoo.provider.EmbeddedModel;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** The client of OpenAI finds what it expects. */
class OpenAiClientTest {

    private static TestModel model;
    private static ModelServer server;
    private static OpenAIClient client;

    @BeforeAll
    static void serve() throws Exception {
        model = new TestModel();
        server = model.serve(8, Duration.ofMinutes(2));
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

    private static CompletionCreateParams.Builder request() {
        return CompletionCreateParams.builder()
                .model(EmbeddedModel.NAME)
                .prompt(TestModel.PROMPT)
                .temperature(0)
                .maxTokens(TestModel.GREEDY_TOKENS);
    }

    @Test
    void completes() {
        Completion completion = client.completions().create(request().build()).validate();
        assertEquals(EmbeddedModel.NAME, completion.model());
        CompletionChoice choice = completion.choices().get(0);
        assertEquals(TestModel.GREEDY, choice.text());
        assertEquals(FinishReason.LENGTH, choice.finishReason());
        CompletionUsage usage = completion.usage().orElseThrow();
        assertEquals(5, usage.promptTokens());
        assertEquals(48, usage.completionTokens());
        assertEquals(53, usage.totalTokens());
    }

    @Test
    void streams() {
        CompletionCreateParams params =
                request()
                        .streamOptions(
                                ChatCompletionStreamOptions.builder().includeUsage(true).build())
                        .build();
        List<Completion> pieces = stream(params);
        assertEquals(TestModel.GREEDY, text(pieces, 0));
        assertTrue(pieces.size() > TestModel.GREEDY_TOKENS / 2, pieces.size() + " pieces");
        assertEquals(1, pieces.stream().map(Completion::id).distinct().count());
        assertEquals(
                FinishReason.LENGTH, pieces.get(pieces.size() - 2).choices().get(0).finishReason());
        Completion last = pieces.get(pieces.size() - 1);
        assertEquals(List.of(), last.choices());
        assertEquals(48, last.usage().orElseThrow().completionTokens());
    }

    private static List<Completion> stream(CompletionCreateParams params) {
        try (StreamResponse<Completion> response = client.completions().createStreaming(params)) {
            return response.stream().toList();
        }
    }

    private static String text(List<Completion> pieces, int index) {
        return pieces.stream()
                .flatMap(piece -> piece.choices().stream())
                .filter(choice -> choice.index() == index)
                .map(CompletionChoice::text)
                .collect(Collectors.joining());
    }

    @Test
    void continuesSeveralPrompts() {
        List<String> prompts = List.of("In the beginning", TestModel.PROMPT, "é \uD83D\uDE00 \0");
        CompletionCreateParams params =
                request().promptOfArrayOfStrings(prompts).maxTokens(12).build();
        List<CompletionChoice> choices = client.completions().create(params).choices();
        List<Completion> pieces = stream(params);
        for (int i = 0; i < prompts.size(); i++) {
            String expected = model.greedy(prompts.get(i), 12);
            assertEquals(i, choices.get(i).index());
            assertEquals(expected, choices.get(i).text());
            assertEquals(expected, text(pieces, i));
        }
    }

    @Test
    void stopsBeforeAString() {
        CompletionCreateParams params = request().stop(" the king\u0020").build();
        Completion completion = client.completions().create(params);
        String expected = " him, Behold, I will send thee to";
        assertEquals(expected, completion.choices().get(0).text());
        assertEquals(FinishReason.STOP, completion.choices().get(0).finishReason());
        assertTrue(completion.usage().orElseThrow().completionTokens() < 16);
        assertEquals(expected, text(stream(params), 0));
    }

    @Test
    void whatOnlyBeginsLikeAStopStringIsNotLost() {
        CompletionCreateParams params = request().stop(", the king").build();
        assertEquals(TestModel.GREEDY, client.completions().create(params).choices().get(0).text());
        assertEquals(TestModel.GREEDY, text(stream(params), 0));
    }

    @Test
    void seedsRepeat() {
        assertEquals(sample(7), sample(7));
        assertNotEquals(sample(7), sample(8));
    }

    private static String sample(long seed) {
        CompletionCreateParams params = request().temperature(1).topP(0.9).seed(seed).build();
        return client.completions().create(params).choices().get(0).text();
    }

    @Test
    void listsItsModel() {
        assertEquals(
                List.of(EmbeddedModel.NAME),
                client.models().list().data().stream().map(Model::id).toList());
        assertEquals(
                EmbeddedModel.NAME, client.models().retrieve(EmbeddedModel.NAME).validate().id());
        assertThrows(NotFoundException.class, () -> client.models().retrieve("gpt-4"));
    }

    @Test
    void refusesAsOpenAiDoes() {
        NotFoundException unknown =
                assertThrows(
                        NotFoundException.class,
                        () -> client.completions().create(request().model("gpt-4").build()));
        assertEquals("model_not_found", unknown.code().orElseThrow());
        BadRequestException tooLong =
                assertThrows(
                        BadRequestException.class,
                        () -> client.completions().create(request().maxTokens(508).build()));
        assertEquals("context_length_exceeded", tooLong.code().orElseThrow());
        assertTrue(tooLong.getMessage().contains("512 in all"), tooLong.getMessage());
        BadRequestException echo =
                assertThrows(
                        BadRequestException.class,
                        () -> client.completions().createStreaming(request().echo(true).build()));
        assertEquals("echo", echo.param().orElseThrow());
        assertEquals("invalid_request_error", echo.type().orElseThrow());
    }
}
