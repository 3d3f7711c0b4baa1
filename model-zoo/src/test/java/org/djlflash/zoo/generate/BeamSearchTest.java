package org.djlflash.zoo.generate;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import org.djlflash.zoo.generate.BeamOptions.EarlyStopping;
import org.djlflash.zoo.generate.GenerationResult.Finish;
import org.djlflash.zoo.generate.sampling.SamplingOptions;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Beam search on a toy model, whose texts can all be tried. */
class BeamSearchTest {

    private static final int TOKENS = 3;
    private static final int[] PROMPT = {2, 3};

    private final ToyModel model = new ToyModel(5, 0, 1);
    private final TokenDecoder letters =
            ids -> {
                StringBuilder text = new StringBuilder();
                for (long id : ids) {
                    text.append((char) ('a' + id));
                }
                return text.toString();
            };

    @AfterEach
    void close() {
        model.close();
    }

    private static GenerationOptions options(int beams, double lengthPenalty, EarlyStopping early) {
        return GenerationOptions.builder()
                .optMaxNewTokens(TOKENS)
                .optBeams(new BeamOptions(beams, lengthPenalty, early))
                .build();
    }

    private GenerationResult search(GenerationOptions options) {
        return new TextGenerator(model, letters).generate(PROMPT, options, (id, count) -> true);
    }

    /** Every text there is, best first. */
    private List<Hypothesis> all(double lengthPenalty) {
        List<Hypothesis> found = new ArrayList<>();
        extend(List.of(), 0, lengthPenalty, found);
        found.sort(Comparator.comparingDouble(Hypothesis::score).reversed());
        return found;
    }

    private void extend(
            List<Integer> ids, double sum, double lengthPenalty, List<Hypothesis> found) {
        List<Integer> history = new ArrayList<>(List.of(PROMPT[0], PROMPT[1]));
        history.addAll(ids);
        float[] logits = model.logits(history);
        double total =
                IntStream.range(0, logits.length).mapToDouble(i -> Math.exp(logits[i])).sum();
        for (int token = 0; token < logits.length; token++) {
            double next = sum + logits[token] - Math.log(total);
            List<Integer> longer = new ArrayList<>(ids);
            longer.add(token);
            double score = next / Math.pow(longer.size(), lengthPenalty);
            if (token < 2) {
                found.add(new Hypothesis(ids, score, Finish.END_TOKEN));
            } else if (longer.size() == TOKENS) {
                found.add(new Hypothesis(longer, score, Finish.LENGTH));
            } else {
                extend(longer, next, lengthPenalty, found);
            }
        }
    }

    @ParameterizedTest
    @ValueSource(doubles = {1, 0, -1, 2.5})
    void findsAllTextsIfThereAreBeamsEnough(double lengthPenalty) {
        List<Hypothesis> expected = all(lengthPenalty);
        List<Hypothesis> found =
                search(options(200, lengthPenalty, EarlyStopping.NEVER)).hypotheses();
        assertEquals(expected.size(), found.size());
        for (int i = 0; i < found.size(); i++) {
            assertEquals(expected.get(i).ids(), found.get(i).ids());
            assertEquals(expected.get(i).score(), found.get(i).score(), 1e-5);
            assertEquals(expected.get(i).finish(), found.get(i).finish());
        }
    }

    @Test
    void theLengthPenaltyDecidesBetweenLongAndShort() {
        List<Integer> longest =
                search(options(50, 8, EarlyStopping.NEVER)).hypotheses().get(0).ids();
        List<Integer> shortest =
                search(options(50, -8, EarlyStopping.NEVER)).hypotheses().get(0).ids();
        assertEquals(TOKENS, longest.size());
        assertEquals(0, shortest.size());
    }

    /** The earlier the search may end, the less it reads. */
    @Test
    void endsEarly() {
        int[] read = new int[3];
        for (EarlyStopping early : EarlyStopping.values()) {
            model.read = 0;
            GenerationOptions options =
                    GenerationOptions.builder()
                            .optMaxNewTokens(40)
                            .optBeams(new BeamOptions(2, 1, early))
                            .build();
            search(options);
            read[early.ordinal()] = model.read;
        }
        int no = read[EarlyStopping.NO.ordinal()];
        int yes = read[EarlyStopping.YES.ordinal()];
        int never = read[EarlyStopping.NEVER.ordinal()];
        assertTrue(yes <= no && no < never, yes + " " + no + " " + never);
    }

    @Test
    void findsBetterTextsThanGreedily() {
        ToyModel endless = new ToyModel(50);
        try (endless) {
            TextGenerator generator = new TextGenerator(endless);
            GenerationOptions greedy = GenerationOptions.builder().optMaxNewTokens(20).build();
            int[] ids = generator.generate(PROMPT, greedy, (id, count) -> true).ids();
            assertEquals(20, ids.length);
            for (int beams = 2; beams <= 20; beams += 6) {
                GenerationOptions options =
                        GenerationOptions.builder()
                                .optMaxNewTokens(20)
                                .optBeams(new BeamOptions(beams, 1, EarlyStopping.NO))
                                .build();
                GenerationResult result = generator.generate(PROMPT, options, (id, count) -> true);
                assertTrue(result.hypotheses().get(0).score() > score(endless, ids));
            }
        }
    }

    private static double score(ToyModel model, int... ids) {
        List<Integer> history = new ArrayList<>(List.of(PROMPT[0], PROMPT[1]));
        double sum = 0;
        for (int id : ids) {
            float[] logits = model.logits(history);
            double total = 0;
            for (float logit : logits) {
                total += Math.exp(logit);
            }
            sum += logits[id] - Math.log(total);
            history.add(id);
        }
        return sum / ids.length;
    }

    @Test
    void promptsOfABatchDoNotDisturbEachOther() {
        List<int[]> prompts = List.of(PROMPT, new int[] {4}, new int[] {2, 2, 3, 4, 3}, PROMPT);
        GenerationOptions options =
                GenerationOptions.builder()
                        .optMaxNewTokens(12)
                        .optBeams(new BeamOptions(3, 1, EarlyStopping.NO))
                        .build();
        TextGenerator generator = new TextGenerator(model, letters);
        List<GenerationResult> batch =
                generator.generate(prompts, options, i -> (id, count) -> true);
        for (int i = 0; i < prompts.size(); i++) {
            GenerationResult alone =
                    generator.generate(prompts.get(i), options, (id, count) -> true);
            assertEquals(alone.hypotheses(), batch.get(i).hypotheses());
            assertEquals(alone.text(), batch.get(i).text());
        }
    }

    @Test
    void aStopStringEndsABeam() {
        GenerationOptions free = options(30, 0, EarlyStopping.NEVER);
        String stop = "e";
        GenerationOptions stopping =
                GenerationOptions.builder()
                        .optMaxNewTokens(TOKENS)
                        .optBeams(free.beams())
                        .optStops(List.of(stop))
                        .build();
        assertTrue(search(free).hypotheses().stream().anyMatch(h -> h.ids().indexOf(4) == 0));
        List<Hypothesis> found = search(stopping).hypotheses();
        assertTrue(found.stream().anyMatch(h -> h.finish() == Finish.STOP_STRING));
        for (Hypothesis hypothesis : found) {
            int at = hypothesis.ids().indexOf(4);
            assertEquals(at >= 0, hypothesis.finish() == Finish.STOP_STRING);
            assertTrue(at < 0 || at == hypothesis.ids().size() - 1, hypothesis.toString());
        }
    }

    @Test
    void aListenerSeesTheLeaderAndMayCancel() {
        List<Integer> counts = new ArrayList<>();
        StringBuilder text = new StringBuilder();
        List<Finish> ends = new ArrayList<>();
        GenerationOptions options =
                GenerationOptions.builder()
                        .optMaxNewTokens(30)
                        .optBeams(new BeamOptions(2, 3, EarlyStopping.NEVER))
                        .build();
        GenerationListener listener =
                new GenerationListener() {
                    @Override
                    public boolean onToken(int id, int count) {
                        counts.add(count);
                        return count < 4;
                    }

                    @Override
                    public void onText(String part) {
                        text.append(part);
                    }

                    @Override
                    public void onEnd(Finish finish) {
                        ends.add(finish);
                    }
                };
        GenerationResult result =
                new TextGenerator(model, letters).generate(PROMPT, options, listener);
        assertEquals(List.of(1, 2, 3, 4), counts);
        assertEquals(Finish.CANCELLED, result.finish());
        assertEquals(List.of(Finish.CANCELLED), ends);
        assertEquals(Optional.of(text.toString()), result.text());
    }

    /** Hugging Face applies the penalty to log probabilities: all are below 0, so it multiplies. */
    @Test
    void theRepetitionPenaltyCounts() {
        ToyModel endless = new ToyModel(6);
        try (endless) {
            GenerationOptions options =
                    GenerationOptions.builder()
                            .optMaxNewTokens(3)
                            .optSampling(
                                    SamplingOptions.builder()
                                            .optTemperature(0)
                                            .optRepetitionPenalty(1000)
                                            .build())
                            .optBeams(new BeamOptions(2, 1, EarlyStopping.NO))
                            .build();
            int[] ids = new TextGenerator(endless).generate(PROMPT, options, (id, n) -> true).ids();
            assertArrayEquals(
                    new int[] {0, 1, 4, 5},
                    IntStream.concat(IntStream.of(ids), IntStream.of(missing(ids)))
                            .sorted()
                            .toArray());
        }
    }

    private static int missing(int... ids) {
        return 0 + 1 + 4 + 5 - IntStream.of(ids).sum();
    }

    @ParameterizedTest
    @CsvSource({"0,1", "-1,1", "1025,1", "2,NaN", "2,Infinity"})
    void refusesOptions(int beams, double lengthPenalty) {
        String message =
                assertThrows(
                                IllegalArgumentException.class,
                                () -> new BeamOptions(beams, lengthPenalty, EarlyStopping.NO))
                        .getMessage();
        assertTrue(message.contains("allowed is"), message);
    }

    @Test
    void doesNotSample() {
        GenerationOptions.Builder builder =
                GenerationOptions.builder()
                        .optBeams(new BeamOptions(2, 1, EarlyStopping.NO))
                        .optSampling(SamplingOptions.builder().build());
        String message = assertThrows(IllegalArgumentException.class, builder::build).getMessage();
        assertTrue(message.contains("2 beams with temperature 1.0"), message);
    }
}
