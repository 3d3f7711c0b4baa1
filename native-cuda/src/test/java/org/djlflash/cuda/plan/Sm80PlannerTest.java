package org.djlflash.cuda.plan;

import static org.djlflash.cuda.plan.PlanFixtures.A10;
import static org.djlflash.cuda.plan.PlanFixtures.A100;
import static org.djlflash.cuda.plan.PlanFixtures.H200;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class Sm80PlannerTest {

    @Test
    void forwardIsOneLaunch() {
        AttentionPlan plan = Sm80Planner.plan(PlanFixtures.problem(128), A100);

        assertEquals(
                List.of(
                        new KernelStep(
                                new KernelVariant(
                                        "forward",
                                        List.of(
                                                "HEAD_DIM=128",
                                                "ELEMENT=fp16",
                                                "BLOCK_M=128",
                                                "BLOCK_N=64",
                                                "WARPS=4",
                                                "STAGES=1",
                                                "BIAS=0",
                                                "DROPOUT=0"),
                                        "sm_80"),
                                3 * 8 * 2,
                                128,
                                2 * 128 * (128 + 2 * 64))),
                plan.forward());
        assertTrue(plan.backward().isEmpty());
        assertEquals(0, plan.forwardWorkspace().bytes() + plan.backwardWorkspace().bytes());
        assertEquals(2L * 8 * 300 * 4, plan.logSumExpBytes());
    }

    @Test
    void backwardIsThreeLaunches() {
        AttentionPlan plan =
                Sm80Planner.plan(PlanFixtures.training(128).withDeterministic(true), A100);

        List<KernelStep> steps = plan.backward();
        assertEquals(
                List.of("backward_row_dot", "backward", "backward_convert_dq"),
                steps.stream().map(step -> step.variant().entry()).toList());
        assertEquals(2 * 8 * 300 / 16, steps.get(0).blocks());
        assertEquals(List.of("BLOCK_M=64", "ELEMENT=fp16", "HEAD_DIM=128"), defines(steps.get(0)));
        assertEquals(4 * 4 * 2, steps.get(1).blocks());
        assertEquals(256, steps.get(1).threads());
        assertEquals(164864, steps.get(1).sharedBytes());
        assertEquals(2 * 8 * 300 / 16, steps.get(2).blocks());
        // Two floats a row, a row of floats, a turn for each of 5 blocks of queries of 16 heads.
        assertEquals(
                Workspace.of(4800L * 8, 4800L * 128 * 4, 5 * 16 * 4), plan.backwardWorkspace());
    }

    @Test
    void headsArePaddedToCompiledSizes() {
        KernelStep step = Sm80Planner.plan(PlanFixtures.training(72), A100).backward().get(2);

        assertTrue(step.variant().defines().contains("HEAD_DIM=96"));
        // 2048 elements a block, in rows of 128.
        assertEquals(4800 / 16, step.blocks());
    }

    @Test
    void biasAndDropoutAreCompiledIn() {
        KernelStep step =
                Sm80Planner.plan(
                                PlanFixtures.problem(64).withBias(BiasKind.FLOAT).withDropout(0.1),
                                A100)
                        .forward()
                        .get(0);

        assertTrue(defines(step).containsAll(List.of("BIAS=1", "DROPOUT=1", "BLOCK_N=64")));
    }

    @Test
    void valuesKnownOnlyAtRunTimeAreNotCompiledIn() {
        AttentionProblem problem = PlanFixtures.training(64);
        List<KernelVariant> variants = variants(problem);

        assertEquals(variants, variants(problem.withCausal(CausalAlignment.TOP_LEFT)));
        assertEquals(variants, variants(problem.withKeyLengths(true)));
        assertEquals(variants, variants(problem.withDeterministic(true)));
        assertEquals(variants, variants(problem.withScale(3)));
    }

    @ParameterizedTest
    @ValueSource(ints = {8, 16, 24, 32, 40, 64, 72, 96, 104, 128})
    void everyHeadSizeFitsEveryGpu(int headSize) {
        for (DeviceInfo device : List.of(A100, A10, H200)) {
            AttentionProblem training = PlanFixtures.training(headSize).withDropout(0.5);
            assertEquals(List.of(), Sm80Planner.unsupportedReasons(training, device));
            AttentionProblem biased = PlanFixtures.problem(2 * headSize).withBias(BiasKind.ELEMENT);
            assertEquals(List.of(), Sm80Planner.unsupportedReasons(biased, device));
            AttentionProblem decode = PlanFixtures.decode(1, 1000, 2 * headSize);
            assertEquals(List.of(), Sm80Planner.unsupportedReasons(decode, device));
        }
    }

    @Test
    void decodeSplitsAndCombines() {
        AttentionPlan plan = Sm80Planner.plan(PlanFixtures.decode(1, 65536, 128), H200);

        assertEquals(List.of("decode_split", "decode_combine"), entries(plan));
        assertEquals(132, plan.splits());
        assertEquals(2L * plan.splits(), plan.forward().get(0).blocks());
        assertEquals(65536, plan.forward().get(0).sharedBytes());
        assertEquals(16, plan.forward().get(1).blocks());
        long partials = 16L * plan.splits();
        assertEquals(Workspace.of(partials * 128 * 4, partials * 4), plan.forwardWorkspace());
    }

    @Test
    void decodeWithManySequencesDoesNotSplit() {
        AttentionPlan plan = Sm80Planner.plan(PlanFixtures.decode(256, 256, 128), H200);

        assertEquals(List.of("decode_split"), entries(plan));
        assertEquals(1, plan.splits());
        assertEquals(Workspace.NONE, plan.forwardWorkspace());
    }

    @ParameterizedTest
    @CsvSource({"1,8", "8,8", "9,16", "17,32", "100,32"})
    void decodeRowsHoldTheQueriesOfAKeyHead(int heads, int rows) {
        AttentionShape shape = new AttentionShape(1, heads, 1, 1, 100, 64);
        AttentionPlan plan =
                Sm80Planner.plan(
                        AttentionProblem.of(ElementType.BF16, shape).withDecode(true), A100);

        assertTrue(defines(plan.forward().get(0)).contains("ROWS=" + rows));
    }

    @Test
    void dropoutMaskTakesOneThreadAWeight() {
        KernelStep step = Sm80Planner.dropoutMask(PlanFixtures.problem(64), A100);

        assertEquals(2L * 8 * 300 * 500 / 256, step.blocks());
        assertEquals(List.of(), defines(step));
    }

    @Test
    void problemAndPlanPrintOnOneLine() {
        AttentionPlan plan = Sm80Planner.plan(PlanFixtures.training(64), A100);

        for (String line : List.of(plan.problem().toString(), plan.toString(), A100.toString())) {
            assertFalse(line.contains("\n"), line);
        }
        assertTrue(plan.toString().contains(plan.problem().toString()));
        assertTrue(plan.toString().contains("forward[BIAS=0 BLOCK_M=128"), plan::toString);
    }

    @Test
    void variantsAreEqualWhateverTheOrderOfTheirValues() {
        KernelVariant variant = new KernelVariant("forward", List.of("B=1", "A=2"), "sm_80");

        assertEquals(new KernelVariant("forward", List.of("A=2", "B=1"), "sm_80"), variant);
        assertNotEquals(new KernelVariant("forward", List.of("A=2", "B=1"), "sm_86"), variant);
        assertEquals(
                List.of("--gpu-architecture=sm_80", "--std=c++17", "-DA=2", "-DB=1"),
                variant.compilerOptions());
        assertEquals("attention/entry/forward.cu", variant.sourceFile());
        assertEquals("flash_forward", variant.functionName());
    }

    private static List<KernelVariant> variants(AttentionProblem problem) {
        AttentionPlan plan = Sm80Planner.plan(problem, A100);
        List<KernelVariant> variants =
                new ArrayList<>(plan.forward().stream().map(KernelStep::variant).toList());
        plan.backward().forEach(step -> variants.add(step.variant()));
        return variants;
    }

    private static List<String> entries(AttentionPlan plan) {
        return plan.forward().stream().map(step -> step.variant().entry()).toList();
    }

    private static List<String> defines(KernelStep step) {
        return step.variant().defines();
    }
}
