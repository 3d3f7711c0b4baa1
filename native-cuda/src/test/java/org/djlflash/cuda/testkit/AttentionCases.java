package org.djlflash.cuda.testkit;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.djlflash.cuda.plan.AttentionProblem;
import org.djlflash.cuda.plan.AttentionShape;
import org.djlflash.cuda.plan.BiasKind;
import org.djlflash.cuda.plan.CacheLayout;
import org.djlflash.cuda.plan.CausalAlignment;
import org.djlflash.cuda.plan.ElementType;
import org.djlflash.cuda.plan.GradientNeed;

/** The one list of shapes and options that the kernels are tested on. */
public final class AttentionCases {

    /** What takes heads above 128, and decoding. */
    private static final List<ElementType> HALVES = List.of(ElementType.FP16, ElementType.BF16);

    private static final int[] HEAD_SIZES = {8, 16, 32, 40, 64, 72, 96, 128};

    /** Queries and keys: one, below and above a tile, more queries than keys, long and short. */
    private static final int[][] LENGTHS = {
        {1, 1},
        {1, 147},
        {3, 513},
        {64, 128},
        {113, 203},
        {127, 512},
        {239, 1},
        {511, 5},
        {300, 300}
    };

    private AttentionCases() {}

    /**
     * Lists the cases of the forward pass.
     *
     * @return all types, all head sizes, all lengths and options
     */
    public static Stream<AttentionCase> forward() {
        List<AttentionCase> cases = new ArrayList<>(training(GradientNeed.NONE));
        for (ElementType element : HALVES) {
            AttentionProblem large = problem(element, 2, 4, 2, 200, 260, 200);
            cases.add(plain(large));
            cases.add(plain(large.withCausal(CausalAlignment.BOTTOM_RIGHT)));
            cases.add(plain(problem(element, 1, 2, 1, 70, 150, 256).withBias(BiasKind.ELEMENT)));
        }
        return cases.stream();
    }

    /**
     * Lists the cases of the backward pass.
     *
     * @return all types, all head sizes up to 128, all lengths and options
     */
    public static Stream<AttentionCase> backward() {
        List<AttentionCase> cases = new ArrayList<>();
        for (AttentionCase one : training(GradientNeed.INPUTS)) {
            cases.add(one);
            boolean deterministic = cases.size() % 3 == 0;
            if (deterministic) {
                cases.add(
                        new AttentionCase(
                                one.problem().withDeterministic(true),
                                one.strided(),
                                one.lengths(),
                                one.seed()));
            }
        }
        // More key tiles than any GPU has multiprocessors, which wait for each other.
        AttentionProblem many =
                problem(ElementType.BF16, 8, 8, 8, 70, 520, 64)
                        .withGradient(GradientNeed.INPUTS)
                        .withDeterministic(true);
        cases.add(plain(many));
        cases.add(plain(causal(many)));
        return cases.stream();
    }

    /**
     * Lists the cases of the decode step.
     *
     * @return few queries on caches short and long, split and not
     */
    public static Stream<AttentionCase> decode() {
        List<AttentionCase> cases = new ArrayList<>();
        for (ElementType element : HALVES) {
            for (int headSize : new int[] {64, 80, 128, 256}) {
                for (int keys : new int[] {1, 63, 64, 65, 339, 2048, 5000}) {
                    AttentionProblem problem =
                            problem(element, 2, 8, 2, 1, keys, headSize).withDecode(true);
                    cases.add(plain(problem));
                    cases.add(new AttentionCase(problem, true, null, 1));
                    cases.add(withLengths(problem, keys, keys / 2));
                    cases.add(withLengths(problem, 0, keys));
                }
            }
            AttentionProblem few = problem(element, 2, 12, 3, 4, 700, 64).withDecode(true);
            cases.add(plain(few.withCausal(CausalAlignment.BOTTOM_RIGHT)));
            cases.add(withLengths(few.withCausal(CausalAlignment.ROW_LENGTH), 700, 317));
            cases.add(withLengths(few.withCausal(CausalAlignment.ROW_LENGTH), 3, 4));
            cases.addAll(cached(element));
            cases.add(plain(problem(element, 1, 48, 1, 1, 1500, 128).withDecode(true)));
            cases.add(plain(problem(element, 1, 12, 12, 1, 1500, 64).withDecode(true)));
            cases.add(plain(problem(element, 40, 16, 16, 1, 300, 64).withDecode(true)));
        }
        return cases.stream();
    }

    /**
     * Draws cases with gradients that nobody thought of.
     *
     * @return as many as the system property {@code org.djlflash.test.seeds} says, 200 without;
     *     each prints its seed
     */
    public static Stream<AttentionCase> random() {
        return IntStream.range(0, Integer.getInteger("org.djlflash.test.seeds", 200))
                .mapToObj(AttentionCases::random);
    }

    private static AttentionCase random(int seed) {
        Random random = new Random(seed);
        int batch = 1 + random.nextInt(3);
        int keyHeads = 1 + random.nextInt(3);
        int keys = 1 + random.nextInt(500);
        AttentionProblem problem =
                problem(
                                pick(random, ElementType.values()),
                                batch,
                                keyHeads * (1 + random.nextInt(3)),
                                keyHeads,
                                1 + random.nextInt(400),
                                keys,
                                8 * (1 + random.nextInt(16)))
                        .withGradient(GradientNeed.INPUTS)
                        .withDeterministic(random.nextBoolean())
                        .withScale(random.nextInt(4) == 0 ? Math.abs(random.nextGaussian()) : 0.1);
        CausalAlignment causal = pick(random, CausalAlignment.values());
        boolean strided = random.nextBoolean();
        if (causal != CausalAlignment.ROW_LENGTH && random.nextBoolean()) {
            return new AttentionCase(problem.withCausal(causal), strided, null, seed);
        }
        int[] lengths = IntStream.generate(() -> random.nextInt(keys + 1)).limit(batch).toArray();
        return new AttentionCase(
                problem.withCausal(causal).withKeyLengths(true), strided, lengths, seed);
    }

    private static <E> E pick(Random random, E[] values) {
        return values[random.nextInt(values.length)];
    }

    /** Pages, hidden first keys and fixed numbers of splits. */
    private static List<AttentionCase> cached(ElementType element) {
        List<AttentionCase> cases = new ArrayList<>();
        for (int headSize : new int[] {64, 96, 128, 256}) {
            AttentionProblem problem =
                    problem(element, 3, 12, 2, 1, 1000, headSize).withDecode(true);
            for (int pageKeys : new int[] {16, 32, 64, 256}) {
                int pages = 3 * ((1000 + pageKeys - 1) / pageKeys) + 1;
                AttentionProblem paged = problem.withCache(new CacheLayout(false, pageKeys, pages));
                cases.add(withLengths(paged, 1000, 0, 333));
                cases.add(withLengths(paged.withSplits(3), 17, 1000, 1));
            }
            for (int splits : new int[] {1, 2, 3, 16, 17, 128}) {
                cases.add(withLengths(problem.withSplits(splits), 1000, 64, 0));
            }
            AttentionProblem padded =
                    problem.withCache(new CacheLayout(true, 0, 0)).withKeyLengths(true);
            int[] lengths = {1000, 500, 20};
            cases.add(new AttentionCase(padded, true, lengths, new int[] {0, 77, 20}, 6));
            cases.add(new AttentionCase(padded, false, lengths, new int[] {990, 448, 3}, 6));
            AttentionProblem pagedAndPadded =
                    padded.withCache(new CacheLayout(true, 16, 190)).withSplits(4);
            cases.add(new AttentionCase(pagedAndPadded, true, lengths, new int[] {5, 77, 0}, 6));
            AttentionProblem several =
                    problem(element, 2, 12, 2, 16, 700, headSize)
                            .withDecode(true)
                            .withCausal(CausalAlignment.ROW_LENGTH);
            cases.add(withLengths(several, 700, 317));
        }
        return cases;
    }

    private static List<AttentionCase> training(GradientNeed gradient) {
        List<AttentionCase> cases = new ArrayList<>();
        for (ElementType element : ElementType.values()) {
            for (int headSize : HEAD_SIZES) {
                AttentionProblem problem =
                        problem(element, 2, 4, 2, 113, 203, headSize).withGradient(gradient);
                cases.add(plain(problem));
                cases.add(new AttentionCase(causal(problem), true, null, 2));
            }
            for (int[] size : LENGTHS) {
                AttentionProblem problem =
                        problem(element, 2, 3, 1, size[0], size[1], 64).withGradient(gradient);
                cases.add(plain(problem));
                cases.add(plain(causal(problem)));
                cases.add(plain(problem.withCausal(CausalAlignment.TOP_LEFT)));
                cases.add(withLengths(causal(problem), size[1], size[1] / 2));
            }
            cases.addAll(options(problem(element, 2, 6, 2, 150, 270, 128).withGradient(gradient)));
            if (element == ElementType.FP32) { // Its scores are multiplied by what may underflow.
                AttentionProblem small = problem(element, 1, 2, 2, 100, 150, 64).withScale(1e-40);
                cases.add(plain(causal(small.withGradient(gradient))));
            }
            cases.addAll(options(problem(element, 2, 2, 2, 150, 270, 64).withGradient(gradient)));
        }
        return cases;
    }

    private static List<AttentionCase> options(AttentionProblem problem) {
        List<AttentionCase> cases = new ArrayList<>();
        cases.add(withLengths(problem, 0, 65));
        cases.add(withLengths(problem.withCausal(CausalAlignment.ROW_LENGTH), 100, 201));
        cases.add(plain(problem.withBias(BiasKind.ELEMENT)));
        cases.add(plain(causal(problem).withBias(BiasKind.FLOAT)));
        cases.add(new AttentionCase(problem.withDropout(0.17), true, null, 3));
        cases.add(plain(causal(problem).withDropout(0.48)));
        cases.add(plain(problem.withBias(BiasKind.ELEMENT).withDropout(0.3)));
        cases.add(plain(problem.withScale(1)));
        return cases;
    }

    private static AttentionProblem causal(AttentionProblem problem) {
        return problem.withCausal(CausalAlignment.BOTTOM_RIGHT);
    }

    private static AttentionCase plain(AttentionProblem problem) {
        return new AttentionCase(problem, false, null, 4);
    }

    private static AttentionCase withLengths(AttentionProblem problem, int... lengths) {
        return new AttentionCase(problem.withKeyLengths(true), true, lengths, 5);
    }

    private static AttentionProblem problem(
            ElementType element, int batch, int heads, int keyHeads, int t, int f, int headSize) {
        return AttentionProblem.of(
                element, new AttentionShape(batch, heads, keyHeads, t, f, headSize));
    }
}
