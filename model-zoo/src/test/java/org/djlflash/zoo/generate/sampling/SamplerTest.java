package org.djlflash.zoo.generate.sampling;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.OptionalLong;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class SamplerTest {

    private static final float NEVER = Float.NEGATIVE_INFINITY;
    private static final int[] NONE = {};

    /** Passed by chance once in a thousand seeds, with 7 degrees of freedom. */
    private static final double CHI_SQUARE_LIMIT = 24.3;

    static List<Sampler> samplers() {
        return List.of(
                new GreedySampler(),
                new RandomSampler(new SplittableRandom(1)),
                SamplingOptions.greedy().newSampler(),
                SamplingOptions.builder().build().newSampler(),
                SamplingOptions.builder()
                        .optTemperature(0.7)
                        .optTopK(2)
                        .optTopP(0.9)
                        .optRepetitionPenalty(1.2)
                        .build()
                        .newSampler());
    }

    @Test
    void greedyTakesTheFirstOfTheMostLikely() {
        Sampler greedy = new GreedySampler();
        assertEquals(1, greedy.next(new float[] {1, 3, 2, 3}, NONE));
        assertEquals(0, greedy.next(new float[] {-2, -2}, NONE));
        assertEquals(2, greedy.next(new float[] {NEVER, NEVER, -9}, NONE));
        assertEquals(0, greedy.next(new float[] {-0f, 0f}, NONE));
    }

    @ParameterizedTest
    @MethodSource("samplers")
    void refusesLogitsWithoutAnAnswer(Sampler sampler) {
        assertEquals(1, sampler.next(new float[] {NEVER, 2, NEVER}, NONE));
        for (float wrong : new float[] {Float.NaN, Float.POSITIVE_INFINITY}) {
            IllegalStateException e =
                    assertThrows(
                            IllegalStateException.class,
                            () -> sampler.next(new float[] {1, 2, wrong}, NONE));
            assertEquals(
                    "no token can be chosen: the logit of token 2 is " + wrong, e.getMessage());
        }
        for (float[] none : new float[][] {{}, {NEVER}, {NEVER, NEVER}}) {
            assertThrows(IllegalStateException.class, () -> sampler.next(none, NONE));
        }
    }

    @ParameterizedTest
    @MethodSource("samplers")
    void leavesTheLogitsAlone(Sampler sampler) {
        float[] logits = {1, 2, 3, 4};
        int[] history = {3, 3};
        sampler.next(logits, history);
        assertArrayEquals(new float[] {1, 2, 3, 4}, logits);
        assertArrayEquals(new int[] {3, 3}, history);
    }

    @Test
    void refusesLogitsThatAPenaltyMadeInfinite() {
        SamplingOptions options =
                SamplingOptions.builder().optRepetitionPenalty(1e-30).optTemperature(0.5).build();
        float[] logits = {1e20f, 1};
        assertEquals(0, options.newSampler().next(logits, NONE));
        assertThrows(
                IllegalStateException.class,
                () -> options.newSampler().next(logits, new int[] {0}));
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3})
    void drawsAsSoftmaxSays(long seed) {
        float[] logits = {0, 1, 2, -1, NEVER, 0.5f, 1.5f, -0.5f, 0.25f};
        Sampler sampler = SamplingOptions.builder().optSeed(seed).build().newSampler();
        int[] counts = draw(sampler, logits, 40_000);
        assertEquals(0, counts[4]);
        assertTrue(chiSquare(counts, softmax(logits, 1)) < CHI_SQUARE_LIMIT, "seed " + seed);
        // The test would notice a temperature that is a tenth off.
        assertTrue(chiSquare(counts, softmax(logits, 1.1)) > CHI_SQUARE_LIMIT, "seed " + seed);
    }

    @Test
    void drawsPossibleTokensAtTheEndsOfTheRange() {
        float[] logits = {NEVER, 1, 1, NEVER};
        assertEquals(1, new RandomSampler(() -> 0).next(logits, NONE));
        assertEquals(2, new RandomSampler(() -> -1).next(logits, NONE));
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3})
    void roundingDrawsNoImpossibleToken(long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        float[] logits = new float[1000];
        logits[logits.length - 1] = NEVER;
        for (int round = 0; round < 100; round++) {
            for (int i = 0; i < logits.length - 1; i++) {
                logits[i] = random.nextInt(1000) / 100f;
            }
            int last = new RandomSampler(() -> -1).next(logits, NONE);
            assertNotEquals(logits.length - 1, last, "seed " + seed);
        }
    }

    @Test
    void drawsWithATemperature() {
        float[] logits = {0, 1, 2, -1, NEVER, 0.5f, 1.5f, -0.5f, 0.25f};
        Sampler sampler =
                SamplingOptions.builder().optTemperature(1.7).optSeed(5).build().newSampler();
        int[] counts = draw(sampler, logits, 40_000);
        assertTrue(chiSquare(counts, softmax(logits, 1.7)) < CHI_SQUARE_LIMIT);
        assertTrue(chiSquare(counts, softmax(logits, 1)) > CHI_SQUARE_LIMIT);
    }

    @Test
    void appliesTheRulesInTheOrderOfHuggingFace() {
        // After the penalty token 0 weighs 2 and token 1 weighs 3; at temperature 0.5 token 1 alone
        // has 0.88 of their sum. Any other order of temperature and top p would keep both.
        SamplingOptions options =
                SamplingOptions.builder()
                        .optRepetitionPenalty(2)
                        .optTemperature(0.5)
                        .optTopK(2)
                        .optTopP(0.85)
                        .optSeed(1)
                        .build();
        Sampler sampler = options.newSampler();
        float[] logits = {4, 3, 1.5f};
        assertEquals(
                List.of(1),
                IntStream.range(0, 200)
                        .mapToObj(i -> sampler.next(logits, new int[] {0}))
                        .distinct()
                        .toList());
    }

    @Test
    void topKLimitsWhatTopPSees() {
        // Of all tokens 0 has 0.4: top p alone would need three. Of the first two it has 0.57.
        float[] logits = {(float) Math.log(0.4), (float) Math.log(0.3), (float) Math.log(0.3)};
        SamplingOptions.Builder builder = SamplingOptions.builder().optTopP(0.5).optSeed(1);
        assertEquals(0, draw(builder.optTopK(1).build().newSampler(), logits, 100)[1]);
        int[] counts = draw(builder.optTopK(0).build().newSampler(), logits, 100);
        assertTrue(counts[1] > 0);
        assertEquals(0, counts[2]);
    }

    @Test
    void greedyHeedsThePenalty() {
        SamplingOptions.Builder builder = SamplingOptions.builder().optTemperature(0);
        float[] logits = {4, 3};
        assertEquals(0, builder.build().newSampler().next(logits, new int[] {0}));
        Sampler penalised = builder.optRepetitionPenalty(2).build().newSampler();
        assertEquals(1, penalised.next(logits, new int[] {0}));
    }

    @Test
    void greedyRefusesToChooseAmongTokens() {
        SamplingOptions.Builder topK = SamplingOptions.builder().optTopK(5);
        SamplingOptions.Builder topP = SamplingOptions.builder().optTopP(0.1);
        for (SamplingOptions.Builder builder : List.of(topK, topP)) {
            builder.optTemperature(0.1).build();
            String message =
                    assertThrows(
                                    IllegalArgumentException.class,
                                    () -> builder.optTemperature(0).build())
                            .getMessage();
            assertTrue(message.contains("temperature above 0"), message);
        }
    }

    @Test
    void repeatsWithASeed() {
        SamplingOptions options = SamplingOptions.builder().optSeed(7).build();
        List<Integer> first = tokens(options.newSampler());
        assertEquals(first, tokens(options.newSampler()));
        assertEquals(first, tokens(options.newSamplers(3).get(0)));
        assertEquals(tokens(options.newSamplers(2).get(1)), tokens(options.newSamplers(9).get(1)));
        assertNotEquals(first, tokens(options.newSamplers(2).get(1)));
        assertNotEquals(first, tokens(SamplingOptions.builder().optSeed(8).build().newSampler()));
    }

    @Test
    void differsWithoutASeed() {
        SamplingOptions options = SamplingOptions.builder().build();
        assertEquals(OptionalLong.empty(), options.seed());
        assertNotEquals(tokens(options.newSampler()), tokens(options.newSampler()));
    }

    @Test
    void refusesOptionsOutOfRange() {
        SamplingOptions.builder().optTemperature(0).optTopK(0).optTopP(1).build();
        for (double value : new double[] {-1e-9, Double.NaN, Double.POSITIVE_INFINITY}) {
            assertThrows(
                    IllegalArgumentException.class,
                    () -> SamplingOptions.builder().optTemperature(value).build());
            assertThrows(
                    IllegalArgumentException.class,
                    () -> SamplingOptions.builder().optRepetitionPenalty(value).build());
        }
        for (double value : new double[] {0, -0.1, 1.0001, Double.NaN}) {
            assertThrows(
                    IllegalArgumentException.class,
                    () -> SamplingOptions.builder().optTopP(value).build());
        }
        IllegalArgumentException e =
                assertThrows(
                        IllegalArgumentException.class,
                        () -> SamplingOptions.builder().optTopK(-1).build());
        assertEquals("topK must be at least 0, found -1", e.getMessage());
    }

    private static List<Integer> tokens(Sampler sampler) {
        float[] logits = new float[1000];
        return IntStream.range(0, 50).mapToObj(i -> sampler.next(logits, NONE)).toList();
    }

    private static int[] draw(Sampler sampler, float[] logits, int times) {
        int[] counts = new int[logits.length];
        for (int i = 0; i < times; i++) {
            counts[sampler.next(logits, NONE)]++;
        }
        return counts;
    }

    private static double[] softmax(float[] logits, double temperature) {
        double[] weights = new double[logits.length];
        double total = 0;
        for (int i = 0; i < logits.length; i++) {
            weights[i] = Math.exp(logits[i] / temperature);
            total += weights[i];
        }
        for (int i = 0; i < logits.length; i++) {
            weights[i] /= total;
        }
        return weights;
    }

    private static double chiSquare(int[] counts, double[] probabilities) {
        int total = IntStream.of(counts).sum();
        double sum = 0;
        for (int i = 0; i < counts.length; i++) {
            if (probabilities[i] > 0) {
                double expected = total * probabilities[i];
                sum += (counts[i] - expected) * (counts[i] - expected) / expected;
            }
        }
        return sum;
    }
}
