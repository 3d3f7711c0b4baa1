package org.djlflash.zoo.generate.sampling;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class RulesTest {

    private static final float NEVER = Float.NEGATIVE_INFINITY;

    @Test
    void temperatureDivides() {
        assertArrayEquals(new float[] {0, -4, NEVER}, apply(new Temperature(0.5), 3, 1, NEVER));
        assertArrayEquals(new float[] {-1, 0}, apply(new Temperature(2), -3, -1));
        // The limit of a low temperature is the most likely token, not an overflow.
        assertArrayEquals(new float[] {0, NEVER}, apply(new Temperature(1e-300), 30, 29));
    }

    @Test
    void topKKeepsTies() {
        assertArrayEquals(new float[] {NEVER, 3, NEVER, 2}, apply(new TopK(2), 1, 3, 0, 2));
        assertArrayEquals(new float[] {NEVER, 3, 2, 2}, apply(new TopK(2), 1, 3, 2, 2));
        assertArrayEquals(new float[] {1, 3}, apply(new TopK(2), 1, 3));
        assertArrayEquals(new float[] {1, 3}, apply(new TopK(Integer.MAX_VALUE), 1, 3));
        assertArrayEquals(new float[] {NEVER, 3, NEVER}, apply(new TopK(2), NEVER, 3, NEVER));
    }

    @ParameterizedTest
    @CsvSource({
        "0.01, 0001",
        "0.49, 0001",
        "0.51, 1001",
        "0.79, 1001",
        "0.81, 1101",
        "0.91, 1111",
        "1, 1111"
    })
    void topPKeepsUntilTheSumIsReached(double p, String kept) {
        float[] logits = logarithms(0.3, 0.1, 0.1, 0.5);
        float[] found = apply(new TopP(p), logits);
        for (int i = 0; i < logits.length; i++) {
            assertEquals(kept.charAt(i) == '1' ? logits[i] : NEVER, found[i]);
        }
    }

    @Test
    void topPKeepsAtLeastOne() {
        assertArrayEquals(new float[] {NEVER, 5}, apply(new TopP(Double.MIN_VALUE), -5, 5));
        assertArrayEquals(
                new float[] {1, NEVER, NEVER}, apply(new TopP(Double.MIN_VALUE), 1, 1, 1));
        assertArrayEquals(new float[] {NEVER, 5}, apply(new TopP(0.9), NEVER, 5));
    }

    @Test
    void topPTellsZerosApartByIdOnly() {
        assertArrayEquals(new float[] {-0f, NEVER}, apply(new TopP(0.5), -0f, 0f));
        assertArrayEquals(new float[] {0f, NEVER}, apply(new TopP(0.5), 0f, -0f));
    }

    @Test
    void penaltyCountsATokenOnce() {
        float[] logits = {2, -2, 0, 6, NEVER};
        new RepetitionPenalty(2).apply(logits, new int[] {0, 1, 1, 1, 2, 4});
        assertArrayEquals(new float[] {1, -4, 0, 6, NEVER}, logits);
        new RepetitionPenalty(0.5).apply(logits, new int[] {3});
        assertArrayEquals(new float[] {1, -4, 0, 12, NEVER}, logits);
        new RepetitionPenalty(2).apply(logits, new int[0]);
        assertArrayEquals(new float[] {1, -4, 0, 12, NEVER}, logits);
    }

    @ParameterizedTest
    @ValueSource(ints = {-1, 3, Integer.MAX_VALUE})
    void penaltyRefusesTokensBeyondTheVocabulary(int token) {
        float[] logits = {4, 4, 4};
        assertThrows(
                IllegalArgumentException.class,
                () -> new RepetitionPenalty(2).apply(logits, new int[] {0, token}));
        assertArrayEquals(new float[] {4, 4, 4}, logits);
    }

    @Test
    void refusesValuesOutOfRange() {
        for (double value : new double[] {0, -1, Double.NaN, Double.POSITIVE_INFINITY}) {
            assertThrows(IllegalArgumentException.class, () -> new Temperature(value));
            assertThrows(IllegalArgumentException.class, () -> new RepetitionPenalty(value));
            assertThrows(IllegalArgumentException.class, () -> new TopP(value));
        }
        assertThrows(IllegalArgumentException.class, () -> new TopP(1.01));
        assertThrows(IllegalArgumentException.class, () -> new TopK(0));
        assertEquals(1, new TopP(1).p());
        assertEquals(1, new TopK(1).k());
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8})
    void agreesWithSorting(long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        for (int round = 0; round < 200; round++) {
            float[] logits = randomLogits(random);
            int k = random.nextInt(1, logits.length + 2);
            assertArrayEquals(slowTopK(logits, k), apply(new TopK(k), logits), "seed " + seed);
            double p = random.nextDouble();
            if (p > 0) {
                assertArrayEquals(slowTopP(logits, p), apply(new TopP(p), logits), "seed " + seed);
            }
        }
    }

    @Test
    void isQuickOnAVocabulary() {
        SplittableRandom random = new SplittableRandom(1);
        float[] logits = new float[50_257];
        for (int i = 0; i < logits.length; i++) {
            logits[i] = (float) (10 * random.nextDouble());
        }
        LogitsRule topK = new TopK(50);
        LogitsRule topP = new TopP(0.95);
        long start = System.nanoTime();
        for (int i = 0; i < 100; i++) {
            apply(topK, logits);
            apply(topP, logits);
        }
        long millis = (System.nanoTime() - start) / 1_000_000;
        assertTrue(millis < 10_000, millis + " ms for 100 steps");
    }

    /** Few distinct values make many ties; some tokens are impossible. */
    private static float[] randomLogits(SplittableRandom random) {
        float[] logits = new float[random.nextInt(1, 60)];
        int distinct = random.nextInt(1, 100);
        for (int i = 0; i < logits.length; i++) {
            boolean possible = i == 0 || random.nextInt(8) > 0;
            logits[i] = possible ? random.nextInt(distinct) * 0.37f - 5 : NEVER;
        }
        return logits;
    }

    private static float[] slowTopK(float[] logits, int k) {
        float[] sorted = logits.clone();
        Arrays.sort(sorted);
        float last = sorted[Math.max(0, sorted.length - k)];
        return keep(logits, IntStream.range(0, logits.length).filter(i -> logits[i] >= last));
    }

    private static float[] slowTopP(float[] logits, double p) {
        double total = 0;
        for (float logit : logits) {
            total += Math.exp(logit);
        }
        List<Integer> ids =
                IntStream.range(0, logits.length)
                        .boxed()
                        .sorted(Comparator.comparing(i -> -logits[i]))
                        .toList();
        IntStream.Builder kept = IntStream.builder();
        double before = 0;
        for (int id : ids) {
            if (before / total >= p) {
                break;
            }
            if (logits[id] > NEVER) {
                kept.add(id);
            }
            before += Math.exp(logits[id]);
        }
        return keep(logits, kept.build());
    }

    private static float[] keep(float[] logits, IntStream ids) {
        float[] kept = new float[logits.length];
        Arrays.fill(kept, NEVER);
        ids.forEach(i -> kept[i] = logits[i]);
        return kept;
    }

    private static float[] apply(LogitsRule rule, float... logits) {
        float[] changed = logits.clone();
        rule.apply(changed, new int[0]);
        return changed;
    }

    private static float[] logarithms(double... probabilities) {
        float[] logits = new float[probabilities.length];
        for (int i = 0; i < logits.length; i++) {
            logits[i] = (float) Math.log(probabilities[i]);
        }
        return logits;
    }
}
