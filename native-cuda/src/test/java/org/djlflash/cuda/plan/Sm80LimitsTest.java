package org.djlflash.cuda.plan;

import static org.djlflash.cuda.plan.PlanFixtures.A100;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Each rule: the sentence for a broken one, and the nearest problem that keeps it. */
class Sm80LimitsTest {

    @Test
    void oldGpu() {
        AttentionProblem problem = PlanFixtures.problem(64);

        assertReason(
                "T4 has compute capability 7.5; 8.0 or newer is needed.", problem, PlanFixtures.T4);
        assertSupported(problem);
    }

    @Test
    void gpuWithLittleSharedMemory() {
        DeviceInfo small = new DeviceInfo(0, "Small", 8, 7, 8, 49152);

        assertReason(
                "of shared memory; a block of Small has 49152", PlanFixtures.problem(256), small);
        assertEquals(List.of(), Sm80Planner.unsupportedReasons(PlanFixtures.problem(16), small));
    }

    @Test
    void rowsThatDoNotStartAligned() {
        assertReason("The query has strides", query(new TensorLayout(0, 64, 100, 1, true)));
        assertReason("The query has strides", query(new TensorLayout(0, 4, 64, 1, true)));
        assertReason("The query has strides", query(new TensorLayout(12, 64, 64, 1, true)));
        assertReason("The query has strides", query(new TensorLayout(64, 64, 64, 2, true)));
        assertReason("unaligned", query(new TensorLayout(64, 64, 64, 1, false)));
        assertSupported(query(new TensorLayout(0, 64, 104, 1, true)));
    }

    @Test
    void everyTensorIsLookedAt() {
        TensorLayout bad = new TensorLayout(64, 64, 64, 2, true);
        AttentionProblem problem =
                PlanFixtures.problem(64)
                        .withLayouts(new AttentionProblem.Layouts(bad, bad, bad, bad));

        List<String> reasons = Sm80Planner.unsupportedReasons(problem, A100);

        assertEquals(4, reasons.size(), reasons::toString);
    }

    @Test
    void stridesOfSizeOneDoNotMatter() {
        AttentionShape shape = new AttentionShape(1, 1, 1, 1, 1, 64);
        TensorLayout odd = new TensorLayout(3, 5, 7, 1, true);

        assertSupported(
                AttentionProblem.of(ElementType.BF16, shape)
                        .withLayouts(new AttentionProblem.Layouts(odd, odd, odd, odd)));
    }

    @Test
    void outputThatOverlapsItself() {
        AttentionProblem problem = PlanFixtures.problem(64);
        AttentionProblem.Layouts layouts = problem.layouts();
        TensorLayout expanded = new TensorLayout(0, 64, 64, 1, true);

        assertReason(
                "a stride of 0 would write rows over each other",
                problem.withLayouts(
                        new AttentionProblem.Layouts(
                                layouts.query(), layouts.key(), layouts.value(), expanded)));
        assertSupported(
                problem.withLayouts(
                        new AttentionProblem.Layouts(
                                layouts.query(), expanded, expanded, layouts.output())));
    }

    @Test
    void emptyShape() {
        assertReason("is empty", shape(0, 8, 4, 10, 10, 64));
        assertReason("is empty", shape(2, 8, 4, 0, 10, 64));
        assertReason("is empty", shape(2, 8, 4, 10, 0, 64));
        assertReason("is empty", shape(2, 8, 0, 10, 10, 64));
        assertSupported(shape(1, 1, 1, 1, 1, 64));
    }

    @Test
    void headsThatDoNotShareEvenly() {
        assertReason("8 query heads cannot share 3 key heads evenly.", shape(2, 8, 3, 10, 10, 64));
        assertReason("2 query heads cannot share 4 key heads evenly.", shape(2, 2, 4, 10, 10, 64));
        assertSupported(shape(2, 8, 1, 10, 10, 64));
    }

    @ParameterizedTest
    @ValueSource(ints = {0, -8, 7, 12, 260, 264, 512})
    void headSize(int headSize) {
        assertReason("The head size is " + headSize, shape(2, 8, 4, 10, 10, headSize));
    }

    @ParameterizedTest
    @ValueSource(doubles = {0, -1, Double.NaN, Double.POSITIVE_INFINITY, 1e300, 1e-300})
    void scale(double scale) {
        assertReason("The scale is " + scale, PlanFixtures.problem(64).withScale(scale));
        assertSupported(PlanFixtures.problem(64).withScale(1e-3));
    }

    @ParameterizedTest
    @ValueSource(doubles = {-0.1, 1, 1.5, Double.NaN})
    void dropout(double dropout) {
        assertReason("The dropout is " + dropout, PlanFixtures.problem(64).withDropout(dropout));
        assertSupported(PlanFixtures.problem(64).withDropout(0.999));
    }

    @Test
    void gradientOfLargeHeads() {
        assertReason("gradients are possible up to 128.", PlanFixtures.training(136));
        assertSupported(PlanFixtures.training(128));
        assertSupported(PlanFixtures.problem(136));
    }

    @Test
    void gradientOfTheBias() {
        AttentionProblem biased = PlanFixtures.training(64).withBias(BiasKind.FLOAT);

        assertReason(
                "do not give the gradient of a dense bias",
                biased.withGradient(GradientNeed.INPUTS_AND_BIAS));
        assertSupported(biased);
    }

    @Test
    void causalMaskAlignedToLengthsThatAreMissing() {
        AttentionProblem aligned = PlanFixtures.problem(64).withCausal(CausalAlignment.ROW_LENGTH);

        assertReason("needs key lengths", aligned);
        assertSupported(aligned.withKeyLengths(true));
    }

    @Test
    void decodeCombinations() {
        AttentionProblem decode = PlanFixtures.decode(1, 100, 64);

        assertReason("Decoding gives no gradients.", decode.withGradient(GradientNeed.INPUTS));
        assertReason("Decoding takes no dense bias.", decode.withBias(BiasKind.FLOAT));
        assertReason("Decoding takes no dropout.", decode.withDropout(0.1));
        assertSupported(decode);
    }

    @Test
    void pagesFirstKeysAndSplits() {
        AttentionProblem decode = PlanFixtures.decode(1, 100, 64);
        CacheLayout pages = new CacheLayout(true, 16, 7);

        assertSupported(decode.withCache(pages).withSplits(512));
        assertReason("7 pages of 24 keys", decode.withCache(new CacheLayout(false, 24, 7)));
        assertReason("7 pages of 512 keys", decode.withCache(new CacheLayout(false, 512, 7)));
        assertReason("0 pages of 16 keys", decode.withCache(new CacheLayout(false, 16, 0)));
        assertReason("There are 513 splits", decode.withSplits(513));
        assertReason("There are -1 splits", decode.withSplits(-1));
        assertReason("belong to decoding", PlanFixtures.problem(64).withCache(pages));
        assertReason("belong to decoding", PlanFixtures.problem(64).withSplits(1));
    }

    @Test
    void gridsAndSizesBeyondTheDriver() {
        assertReason("a grid has at most", shape(1 << 20, 1 << 12, 1, 1, 1, 64));
        assertReason("64-bit", shape(1 << 24, 1 << 24, 1, 1 << 24, 1, 8));
        assertSupported(shape(1 << 16, 1 << 12, 1, 1, 1, 64));
    }

    @Test
    void allReasonsAreInTheExceptionOfThePlanner() {
        AttentionProblem problem = shape(2, 8, 3, 10, 10, 7).withScale(-1).withDropout(2);

        IllegalArgumentException e =
                assertThrows(
                        IllegalArgumentException.class,
                        () -> Sm80Planner.plan(problem, PlanFixtures.T4));

        for (String reason : Sm80Planner.unsupportedReasons(problem, PlanFixtures.T4)) {
            assertTrue(e.getMessage().contains(reason), e::getMessage);
        }
        assertTrue(e.getMessage().contains(problem.toString()), e::getMessage);
    }

    private static AttentionProblem query(TensorLayout layout) {
        AttentionProblem problem = PlanFixtures.problem(64);
        AttentionProblem.Layouts layouts = problem.layouts();
        return problem.withLayouts(
                new AttentionProblem.Layouts(
                        layout, layouts.key(), layouts.value(), layouts.output()));
    }

    private static AttentionProblem shape(int b, int hq, int hkv, int t, int f, int d) {
        return AttentionProblem.of(ElementType.FP16, new AttentionShape(b, hq, hkv, t, f, d));
    }

    private static void assertReason(String part, AttentionProblem problem) {
        assertReason(part, problem, A100);
    }

    private static void assertReason(String part, AttentionProblem problem, DeviceInfo device) {
        List<String> reasons = Sm80Planner.unsupportedReasons(problem, device);
        assertTrue(reasons.stream().anyMatch(reason -> reason.contains(part)), reasons::toString);
    }

    private static void assertSupported(AttentionProblem problem) {
        assertEquals(List.of(), Sm80Planner.unsupportedReasons(problem, A100));
    }
}
