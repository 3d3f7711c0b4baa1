package org.djlflash.zoo.generate;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import org.djlflash.zoo.generate.GenerationResult.Finish;
import org.djlflash.zoo.generate.sampling.SamplingOptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Texts whose tokens are chosen several at a time, against those chosen one by one. */
class TokenLoopTest {

    private static final int TOKENS = 30;

    private static List<int[]> prompts() {
        List<int[]> prompts = new ArrayList<>();
        for (int row = 0; row < 24; row++) {
            int[] prompt = new int[1 + row % 5];
            Arrays.fill(prompt, row % 9);
            prompts.add(prompt);
        }
        return prompts;
    }

    private static List<GenerationResult> generate(ToyModel model, GenerationOptions options) {
        return new TextGenerator(model).generate(prompts(), options, row -> (id, count) -> true);
    }

    private static void assertEqual(
            List<GenerationResult> expected, List<GenerationResult> actual) {
        assertEquals(expected.size(), actual.size());
        for (int row = 0; row < expected.size(); row++) {
            assertArrayEquals(expected.get(row).ids(), actual.get(row).ids(), "row " + row);
            assertEquals(expected.get(row).finish(), actual.get(row).finish());
        }
    }

    @Test
    void rowsEndByThemselvesAndLeaveAtLast() {
        try (ToyModel host = new ToyModel(40, 3, 7);
                ToyModel loop = new ToyModel(40, 3, 7)) {
            loop.loops = true;
            GenerationOptions options = GenerationOptions.greedy(TOKENS);
            List<GenerationResult> expected = generate(host, options);
            List<GenerationResult> actual = generate(loop, options);
            assertEqual(expected, actual);
            assertEquals(
                    List.of(Finish.END_TOKEN, Finish.LENGTH),
                    actual.stream()
                            .map(GenerationResult::finish)
                            .distinct()
                            .sorted()
                            .collect(Collectors.toList()));
            assertEquals("HOST: This toy has no device.", expected.get(0).loop());
            assertEquals("GRAPH", actual.get(0).loop());
            assertTrue(loop.loopRows.size() > 1, "a loop of fewer rows follows");
            for (int i = 1; i < loop.loopRows.size(); i++) {
                assertTrue(2 * loop.loopRows.get(i) <= loop.loopRows.get(i - 1));
            }
        }
    }

    @Test
    void drawsTheSame() {
        try (ToyModel host = new ToyModel(40, 3);
                ToyModel loop = new ToyModel(40, 3)) {
            loop.loops = true;
            GenerationOptions options =
                    GenerationOptions.builder()
                            .optMaxNewTokens(TOKENS)
                            .optSampling(SamplingOptions.builder().optSeed(5).build())
                            .build();
            assertEqual(generate(host, options), generate(loop, options));
        }
    }

    @Test
    void nobodyIsToldOfTokensAfterTheEnd() {
        try (ToyModel model = new ToyModel(40)) {
            model.loops = true;
            List<Integer> told = new ArrayList<>();
            GenerationResult result =
                    new TextGenerator(model)
                            .generate(
                                    new int[] {1},
                                    GenerationOptions.greedy(TOKENS),
                                    (id, count) -> {
                                        told.add(id);
                                        return count < 11;
                                    });
            assertEquals(Finish.CANCELLED, result.finish());
            assertEquals(11, told.size());
            assertArrayEquals(told.stream().mapToInt(i -> i).toArray(), result.ids());
        }
    }

    /** The host would be waited for after every token of the others. */
    @Test
    void longPromptLeavesTheOthersTheirRounds() {
        try (ToyModel model = new ToyModel(40)) {
            model.loops = true;
            GenerationListener listener = (id, count) -> true;
            List<GenerationResult> results =
                    new TextGenerator(model)
                            .generate(
                                    List.of(
                                            new GenerationRequest(
                                                    new int[30],
                                                    GenerationOptions.greedy(2),
                                                    listener),
                                            new GenerationRequest(
                                                    new int[] {1},
                                                    GenerationOptions.greedy(31),
                                                    listener)));
            assertEquals(2, results.get(0).ids().length);
            assertEquals(31, results.get(1).ids().length);
            assertEquals(List.of(8, 8, 8, 6), model.rounds);
        }
    }

    @Test
    void noMoreIsChosenThanThereIsRoomFor() {
        for (int tokens : new int[] {1, 2, 9, 10}) {
            try (ToyModel model = new ToyModel(40)) {
                model.loops = true;
                GenerationResult result =
                        new TextGenerator(model)
                                .generate(
                                        new int[] {1, 2, 3},
                                        GenerationOptions.greedy(tokens),
                                        (id, count) -> true);
                assertEquals(tokens, result.ids().length);
                assertEquals(3 + tokens - 1, model.read);
            }
        }
    }

    @Test
    void optionsAndSearchesCanWantTheLogits() {
        try (ToyModel model = new ToyModel(40)) {
            model.loops = true;
            GenerationOptions.Builder options = GenerationOptions.builder().optMaxNewTokens(4);
            assertEquals(
                    "HOST: The options want it so.",
                    generate(model, options.optLoop(DecodeLoop.HOST).build()).get(0).loop());
            assertEquals(
                    "LAUNCHES",
                    generate(model, options.optLoop(DecodeLoop.LAUNCHES).build()).get(0).loop());
            BeamOptions beams = new BeamOptions(2, 1, BeamOptions.EarlyStopping.NO);
            assertEquals(
                    "HOST: The search needs the logits.",
                    generate(model, options.optBeams(beams).build()).get(0).loop());
        }
    }

    /** Be it the first, or one of fewer rows that is to follow. */
    @ParameterizedTest
    @ValueSource(ints = {1, 2})
    void aLoopThatFailsToBeginLeavesTheRestToTheHost(int failing) {
        try (ToyModel host = new ToyModel(40, 3, 7);
                ToyModel loop = new ToyModel(40, 3, 7)) {
            loop.loops = true;
            loop.failingLoop = failing;
            GenerationOptions options = GenerationOptions.greedy(TOKENS);
            List<GenerationResult> actual = generate(loop, options);
            assertEqual(generate(host, options), actual);
            assertEquals("HOST: the toy is out of memory", actual.get(0).loop());
            assertEquals(failing, loop.loopRows.size());
        }
    }

    @Test
    void aTokenThatCannotBeChosenIsAFailure() {
        try (ToyModel model = new ToyModel(40)) {
            model.loops = true;
            model.broken = true;
            assertThrows(
                    IllegalStateException.class,
                    () ->
                            new TextGenerator(model)
                                    .generate(
                                            new int[] {1},
                                            GenerationOptions.greedy(4),
                                            (id, count) -> true));
        }
    }
}
