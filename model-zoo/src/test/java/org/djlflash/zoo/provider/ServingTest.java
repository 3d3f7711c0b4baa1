package org.djlflash.zoo.provider;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.Device;
import ai.djl.inference.Predictor;
import ai.djl.inference.streaming.ChunkedBytesSupplier;
import ai.djl.inference.streaming.IteratorBytesSupplier;
import ai.djl.inference.streaming.StreamingTranslator.StreamOutput;
import ai.djl.modality.Input;
import ai.djl.modality.Output;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.types.Shape;
import ai.djl.repository.zoo.Criteria;
import ai.djl.repository.zoo.ZooModel;
import ai.djl.translate.NoopTranslator;
import ai.djl.translate.TranslateException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The embedded model as DJL Serving runs it: arguments are text, requests JSON. */
class ServingTest {

    private static final String PROMPT = "And the king said unto";
    private static final String TEXT = " him, Behold, I will send thee";

    private static final ObjectMapper MAPPER = new ObjectMapper();

    private static ZooModel<Input, Output> model;
    private static Predictor<Input, Output> predictor;

    @BeforeAll
    static void load() throws Exception {
        model = criteria(Input.class, Output.class).optArgument("topK", "7").build().loadModel();
        predictor = model.newPredictor();
    }

    private static <I, O> Criteria.Builder<I, O> criteria(Class<I> input, Class<O> output) {
        return Criteria.builder()
                .setTypes(input, output)
                .optGroupId(FlashModelZoo.GROUP_ID)
                .optArtifactId(EmbeddedModel.NAME)
                .optDevice(Device.cpu())
                .optArgument("maxNewTokens", "8")
                .optArgument("doSample", "false");
    }

    @AfterAll
    static void close() {
        predictor.close();
        model.close();
    }

    private static Input input(String json) {
        Input input = new Input();
        input.addProperty("Content-Type", "application/json");
        input.add(json.replace('\'', '"'));
        return input;
    }

    private static JsonNode answer(String json) throws Exception {
        Output output = predictor.predict(input(json));
        assertEquals("application/json", output.getProperty("Content-Type", null));
        return MAPPER.readTree(output.getData().getAsString());
    }

    @Test
    void continuesAText() throws Exception {
        JsonNode answer = answer("{'inputs': '" + PROMPT + "'}");
        assertEquals(MAPPER.createObjectNode().put("generated_text", TEXT), answer);
    }

    @Test
    void parametersOverrideArguments() throws Exception {
        JsonNode answer =
                answer(
                        "{'inputs': '"
                                + PROMPT
                                + "', 'parameters': {'max_new_tokens': 40, 'stop_sequences': [',"
                                + " I'], 'details': true, 'return_full_text': true, 'top_k':"
                                + " null}}");
        assertEquals(PROMPT + " him, Behold", answer.get("generated_text").asText());
        JsonNode details = answer.get("details");
        assertEquals("stop_sequence", details.get("finish_reason").asText());
        assertEquals(5, details.get("generated_tokens").asInt());
        assertTrue(details.get("prefill_milliseconds").asDouble() > 0);
        assertTrue(details.get("tokens_per_second").asDouble() > 0);
    }

    @Test
    void continuesAList() throws Exception {
        JsonNode answers =
                answer(
                        "{'inputs': ['In the beginning', '"
                                + PROMPT
                                + "'], 'parameters': {'details': true}}");
        assertEquals(2, answers.size());
        assertEquals(TEXT, answers.get(1).get("generated_text").asText());
        assertEquals("length", answers.get(0).get("details").get("finish_reason").asText());
        assertEquals(1, answer("{'inputs': ['" + PROMPT + "']}").size());
    }

    @Test
    void samplesAndSearchesOnRequest() throws Exception {
        String request =
                "{'inputs': '"
                        + PROMPT
                        + "', 'parameters': {'do_sample': true, 'temperature': 2, 'seed': 3}}";
        assertEquals(answer(request), answer(request));
        assertFalse(TEXT.equals(answer(request).get("generated_text").asText()));
        JsonNode searched = answer("{'inputs': '" + PROMPT + "', 'parameters': {'num_beams': 3}}");
        assertFalse(searched.get("generated_text").asText().isEmpty());
    }

    @Test
    void takesPlainText() throws Exception {
        Input input = new Input();
        input.addProperty("Content-Type", "text/plain; charset=UTF-8");
        input.add(PROMPT);
        String json = predictor.predict(input).getData().getAsString();
        assertEquals(TEXT, MAPPER.readTree(json).get("generated_text").asText());
    }

    @Test
    void streamsLines() throws Exception {
        assertTrue(predictor.supportsStreaming());
        String request = "{'inputs': '" + PROMPT + "', 'parameters': {'details': true}}";
        StreamOutput<Output> stream = predictor.streamingPredict(input(request));
        Output output = stream.getIterativeOutput();
        assertEquals("application/jsonlines", output.getProperty("Content-Type", null));
        IteratorBytesSupplier lines = (IteratorBytesSupplier) output.getData();
        StringBuilder all = new StringBuilder();
        int count = 0;
        while (lines.hasNext()) {
            all.append(new String(lines.next(), StandardCharsets.UTF_8));
            count++;
        }
        assertEquals(9, count);
        assertLines(all.toString());
    }

    @Test
    void streamsChunks() throws Exception {
        String request = "{'inputs': '" + PROMPT + "', 'parameters': {'details': true}}";
        StreamOutput<Output> stream = predictor.streamingPredict(input(request));
        ChunkedBytesSupplier chunks = (ChunkedBytesSupplier) stream.getAsyncOutput().getData();
        stream.computeAsyncOutput();
        StringBuilder all = new StringBuilder();
        while (chunks.hasNext()) {
            all.append(new String(chunks.nextChunk(1, TimeUnit.SECONDS), StandardCharsets.UTF_8));
        }
        assertLines(all.toString());
    }

    private static void assertLines(String lines) throws Exception {
        StringBuilder text = new StringBuilder();
        JsonNode last = null;
        for (String line : lines.split("\n")) {
            last = MAPPER.readTree(line);
            text.append(last.path("token").path("text").asText(""));
        }
        assertEquals(TEXT, text.toString());
        assertEquals(TEXT, last.get("generated_text").asText());
        assertEquals("length", last.get("details").get("finish_reason").asText());
    }

    /** Whoever leaves a stream early leaves nothing behind once the predictor is closed. */
    @Test
    void aStreamMayBeLeft() throws Exception {
        try (Predictor<Input, Output> other = model.newPredictor()) {
            Output output = other.streamingPredict(input("{'inputs': 'a'}")).getIterativeOutput();
            IteratorBytesSupplier lines = (IteratorBytesSupplier) output.getData();
            assertTrue(lines.hasNext());
            lines.next();
        }
        assertEquals(TEXT, answer("{'inputs': '" + PROMPT + "'}").get("generated_text").asText());
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '"',
            value = {
                "{'inputs': 3} | inputs is 3, allowed is a string or a list of strings",
                "{'inputs': ['a', 1]} | allowed is a string or a list of strings",
                "{'prompt': 'a'} | a JSON object without inputs, allowed is an object with inputs",
                "['a'] | the request is a JSON array, allowed is an object with inputs",
                "{'inputs': 'a' | the request is not JSON",
                "{'inputs': 'a'} {} | the request is not JSON",
                "{'inputs': 'a', 'inputs': 'b'} | the request is not JSON",
                "{'inputs': ''} | prompt of 0 tokens, allowed is 1 or more",
                "{'inputs': []} | 0 prompts",
                "{'inputs': 'a', 'parameters': 1} | parameters is 1, allowed is an object",
                "{'inputs': 'a', 'parameters': {'tempo': 1}} | parameter tempo, allowed are details",
                "{'inputs': 'a', 'parameters': {'details': 1}} | parameter details is 1",
                "{'inputs': 'a', 'parameters': {'max_new_tokens': 'x'}} | maxNewTokens is x",
                "{'inputs': 'a', 'parameters': {'max_new_tokens': 512}} | and 512 in all",
                "{'inputs': 'a', 'parameters': {'num_beams': 2, 'do_sample': true}} | not sample",
            })
    void refuses(String request, String message) {
        TranslateException e =
                assertThrows(TranslateException.class, () -> predictor.predict(input(request)));
        assertTrue(e.getMessage().contains(message), e.getMessage());
    }

    @Test
    void refusesAnEmptyRequest() {
        TranslateException e =
                assertThrows(TranslateException.class, () -> predictor.predict(new Input()));
        assertTrue(e.getMessage().contains("without content"), e.getMessage());
    }

    @Test
    void stringsAreABatch() throws Exception {
        try (ZooModel<String, String> strings =
                        criteria(String.class, String.class)
                                .optArgument("stopSequences", "[\", I\"]")
                                .build()
                                .loadModel();
                Predictor<String, String> texts = strings.newPredictor()) {
            String other = texts.predict("In the beginning");
            assertEquals(
                    List.of(" him, Behold", other),
                    texts.batchPredict(List.of(PROMPT, "In the beginning")));
        }
    }

    /** Token ids that a caller padded on the left, as tokenizers for generation do. */
    @Test
    void takesIdsAndAMask() throws Exception {
        try (ZooModel<NDList, NDList> raw =
                        criteria(NDList.class, NDList.class)
                                .optTranslator(new NoopTranslator())
                                .build()
                                .loadModel();
                Predictor<NDList, NDList> ids = raw.newPredictor()) {
            var manager = raw.getNDManager();
            long[] padded = {0, 0, 1130, 259, 2118, 296, 259, 410, 387, 321};
            long[] mask = {0, 0, 1, 1, 1, 1, 1, 1, 1, 1};
            NDList next =
                    ids.predict(
                            new NDList(
                                    manager.create(padded, new Shape(2, 5)),
                                    manager.create(mask, new Shape(2, 5))));
            assertArrayEquals(
                    new long[] {269, 259, 2118, 269, 259, 2118, 269, 259},
                    next.get(0).toLongArray());
            assertArrayEquals(
                    new long[] {332, 12, 1053, 12, 304, 393, 1290, 395}, next.get(1).toLongArray());
            assertEquals(2, next.size());
            NDList one =
                    ids.predict(
                            new NDList(
                                    manager.create(
                                            Arrays.copyOfRange(padded, 5, 10), new Shape(1, 5))));
            assertArrayEquals(next.get(1).toLongArray(), one.singletonOrThrow().toLongArray());
        }
    }

    @ParameterizedTest
    @CsvSource({"maxNewTokens,many", "numBeams,-1", "temperature,hot"})
    void refusesArguments(String name, String value) {
        Exception e =
                assertThrows(
                        Exception.class,
                        () ->
                                Criteria.builder()
                                        .setTypes(Input.class, Output.class)
                                        .optGroupId(FlashModelZoo.GROUP_ID)
                                        .optArtifactId(EmbeddedModel.NAME)
                                        .optDevice(Device.cpu())
                                        .optArgument(name, value)
                                        .build()
                                        .loadModel()
                                        .close());
        Throwable cause = e;
        while (cause.getCause() != null) {
            cause = cause.getCause();
        }
        assertTrue(cause.getMessage().contains("allowed is"), cause.getMessage());
    }
}
