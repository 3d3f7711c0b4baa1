package org.djlflash.zoo.provider;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.Device;
import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.djlflash.zoo.Tokenizers;
import org.djlflash.zoo.generate.GenerationListener;
import org.djlflash.zoo.generate.GenerationOptions;
import org.djlflash.zoo.generate.GenerationRequest;
import org.djlflash.zoo.generate.GenerationResult;
import org.djlflash.zoo.generate.GenerationResult.Finish;
import org.djlflash.zoo.generate.TextGenerator;
import org.djlflash.zoo.generate.sampling.SamplingOptions;
import org.djlflash.zoo.gpt2.Gpt2;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Several prompts at once, and texts that end at a string, with the embedded model. */
class BatchTest {

    private static final GenerationOptions GREEDY = GenerationOptions.builder().build();

    private static Gpt2 model;
    private static HuggingFaceTokenizer tokenizer;
    private static TextGenerator generator;
    private static Continuations.Case[] cases;

    @BeforeAll
    static void load() throws Exception {
        Path folder = EmbeddedModel.unpack();
        model = Gpt2.load(folder, Device.cpu(), null);
        tokenizer = Tokenizers.open(folder);
        generator = new TextGenerator(model, tokenizer::decode);
        cases = Continuations.all();
    }

    @AfterAll
    static void close() {
        model.close();
        tokenizer.close();
    }

    private static List<int[]> prompts() {
        return Arrays.stream(cases).map(Continuations.Case::prompt).toList();
    }

    @Test
    void continuesAllPromptsAsEachAlone() {
        int before = model.manager().getManagedArrays().size();
        List<GenerationResult> results =
                generator.generate(prompts(), GREEDY, i -> (id, count) -> true);
        assertEquals(cases.length, results.size());
        for (int i = 0; i < cases.length; i++) {
            assertArrayEquals(cases[i].next(), results.get(i).ids());
            assertEquals(Finish.LENGTH, results.get(i).finish());
        }
        assertEquals(before, model.manager().getManagedArrays().size());
    }

    /** Prompts of very different lengths: what is generated is what follows in the whole. */
    @Test
    void promptsMayDifferInLength() {
        List<int[]> prompts =
                Stream.of(0, 1, 2, 3)
                        .map(i -> cases[i].withPromptOf(cases[i].prompt().length + 15 * i).prompt())
                        .toList();
        List<GenerationResult> results =
                generator.generate(prompts, GREEDY, i -> (id, count) -> true);
        for (int i = 0; i < results.size(); i++) {
            int[] wanted = cases[i].withPromptOf(cases[i].prompt().length + 15 * i).next();
            int[] found = results.get(i).ids();
            assertArrayEquals(wanted, Arrays.copyOf(found, wanted.length));
        }
    }

    @Test
    void whoeverEndsLeavesTheOthersAlone() {
        List<GenerationResult> results =
                generator.generate(
                        prompts(), GREEDY, i -> (id, count) -> i % 2 == 0 || count < 3 * i);
        for (int i = 0; i < cases.length; i++) {
            boolean cancelled = i % 2 == 1;
            int[] ids = results.get(i).ids();
            assertEquals(cancelled ? 3 * i : 48, ids.length);
            assertEquals(cancelled ? Finish.CANCELLED : Finish.LENGTH, results.get(i).finish());
            assertArrayEquals(Arrays.copyOf(cases[i].next(), ids.length), ids);
        }
    }

    /** The end of a text is told before the others of the batch go on. */
    @Test
    void endsAreToldAtOnce() {
        List<String> events = new ArrayList<>();
        List<GenerationRequest> requests = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            int row = i;
            GenerationListener listener =
                    new GenerationListener() {
                        @Override
                        public boolean onToken(int id, int count) {
                            events.add(row + ":" + count);
                            return row != 2 || count < 2;
                        }

                        @Override
                        public void onEnd(Finish finish) {
                            events.add(row + ":" + finish);
                        }
                    };
            requests.add(
                    new GenerationRequest(
                            cases[i].prompt(), GenerationOptions.greedy(1 + 2 * i), listener));
        }
        generator.generate(requests);
        assertEquals(
                List.of(
                        "0:1",
                        "0:LENGTH",
                        "1:1",
                        "2:1",
                        "1:2",
                        "2:2",
                        "2:CANCELLED",
                        "1:3",
                        "1:LENGTH"),
                events);
    }

    @Test
    void aRowDrawsTheSameWhateverTheOthersDo() {
        GenerationOptions sampling =
                GenerationOptions.builder()
                        .optMaxNewTokens(16)
                        .optSampling(SamplingOptions.builder().optTopK(40).optSeed(5).build())
                        .build();
        List<int[]> two = List.of(cases[1].prompt(), cases[2].prompt());
        List<int[]> three = List.of(cases[1].prompt(), cases[2].prompt(), cases[0].prompt());
        List<GenerationResult> some =
                generator.generate(two, sampling, i -> (id, count) -> i == 1 || count < 4);
        List<GenerationResult> all = generator.generate(three, sampling, i -> (id, count) -> true);
        assertArrayEquals(some.get(1).ids(), all.get(1).ids());
        assertArrayEquals(
                generator.generate(cases[1].prompt(), sampling, (id, count) -> true).ids(),
                all.get(0).ids());
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '"',
            value = {
                // of " him, Behold, I will send thee to the king of Babylon": over a token's border
                "\"m, Beh\" | \" hi\" | 3",
                "\" him\" | \"\" | 1",
                "\", I\" | \" him, Behold\" | 5",
                "\"Baby\" | \" him, Behold, I will send thee to the king of \" | 13",
            })
    void endsAtAString(String stop, String text, int tokens) {
        GenerationOptions options =
                GenerationOptions.builder().optStops(List.of("not there", stop)).build();
        StringBuilder streamed = new StringBuilder();
        GenerationListener listener =
                new GenerationListener() {
                    @Override
                    public boolean onToken(int id, int count) {
                        return true;
                    }

                    @Override
                    public void onText(String part) {
                        streamed.append(part);
                    }
                };
        List<GenerationResult> results =
                generator.generate(prompts(), options, i -> i == 1 ? listener : (id, n) -> true);
        GenerationResult result = results.get(1);
        assertEquals(Finish.STOP_STRING, result.finish());
        assertEquals(Optional.of(text), result.text());
        assertEquals(text, streamed.toString());
        assertArrayEquals(Arrays.copyOf(cases[1].next(), tokens), result.ids());
        assertEquals(Finish.LENGTH, results.get(0).finish());
        assertArrayEquals(cases[0].next(), results.get(0).ids());
    }

    @Test
    void textIsThatOfTheIds() throws Exception {
        GenerationResult result =
                generator.generate(cases[1].prompt(), GREEDY, (id, count) -> true);
        long[] ids = Arrays.stream(result.ids()).asLongStream().toArray();
        assertEquals(Optional.of(tokenizer.decode(ids)), result.text());
        assertEquals(
                Optional.empty(),
                new TextGenerator(model)
                        .generate(cases[1].prompt(), GREEDY, (id, count) -> true)
                        .text());
        assertTrue(result.hypotheses().isEmpty());
    }

    @Test
    void refusesWhatDoesNotFit() {
        assertRefused("0 prompts", List.of(), GREEDY);
        assertRefused("prompt of 0 tokens", List.of(new int[] {1}, new int[0]), GREEDY);
        assertRefused("token id 5000", List.of(new int[] {1}, new int[] {5000}), GREEDY);
        assertRefused("512 in all", List.of(new int[] {1}, new int[465]), GREEDY);
        String message =
                assertThrows(
                                IllegalArgumentException.class,
                                () ->
                                        new TextGenerator(model)
                                                .generate(
                                                        new int[] {1},
                                                        GenerationOptions.builder()
                                                                .optStops(List.of("x"))
                                                                .build(),
                                                        (id, count) -> true))
                        .getMessage();
        assertEquals("stop strings [x] without a tokenizer, allowed are none", message);
    }

    private static void assertRefused(String text, List<int[]> prompts, GenerationOptions options) {
        String message =
                assertThrows(
                                IllegalArgumentException.class,
                                () -> generator.generate(prompts, options, i -> (id, n) -> true))
                        .getMessage();
        assertTrue(message.contains(text) && message.contains("allowed"), message);
    }
}
