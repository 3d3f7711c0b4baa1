package org.djlflash.cuda.plan;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.djlflash.cuda.config.CudaSetting;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class Sm90PlannerTest {

    @ParameterizedTest
    @ValueSource(ints = {40, 64, 72, 96, 104, 128, 136, 256})
    void takesPlainProblemsOnHopper(int headSize) {
        for (CausalAlignment causal : CausalAlignment.values()) {
            AttentionProblem problem =
                    PlanFixtures.problem(headSize).withCausal(causal).withKeyLengths(true);
            KernelStep step = forward(problem, PlanFixtures.H200);
            assertEquals("forward_sm90", step.variant().entry());
            assertEquals("sm_90a", step.variant().architecture());
            assertEquals(4, step.boxes().size());
            assertTrue(step.sharedBytes() <= PlanFixtures.H200.sharedMemoryPerBlock());
            for (TensorBox box : step.boxes()) {
                assertTrue(box.rows() <= 256 && box.swizzleBytes() <= 128, box::toString);
                assertEquals(0, TileTable.headDim(headSize) % box.columns());
            }
        }
    }

    @Test
    void startsNoMoreBlocksThanThereAreJobsOrMultiprocessors() {
        // 2 x 8 heads x 3 jobs of 128 queries.
        assertEquals(48, forward(PlanFixtures.problem(128), PlanFixtures.H200).blocks());
        AttentionShape large = new AttentionShape(8, 16, 16, 4096, 4096, 128);
        AttentionProblem problem = AttentionProblem.of(ElementType.BF16, large);
        assertEquals(132, forward(problem, PlanFixtures.H200).blocks());
    }

    @Test
    void blocksClaimJobsOnlyWhereTheyHaveSeveralOfDifferentLength() {
        AttentionProblem small = PlanFixtures.problem(64);
        AttentionProblem large =
                AttentionProblem.of(
                        ElementType.BF16, new AttentionShape(8, 16, 16, 4096, 4096, 64));
        for (AttentionProblem problem : List.of(small, large)) {
            assertEquals(0, counterBytes(problem));
        }
        assertEquals(0, counterBytes(small.withCausal(CausalAlignment.BOTTOM_RIGHT)));
        assertTrue(counterBytes(large.withCausal(CausalAlignment.BOTTOM_RIGHT)) >= 4);
    }

    private static long counterBytes(AttentionProblem problem) {
        return AttentionPlanner.plan(problem, PlanFixtures.H200).forwardWorkspace().bytes();
    }

    @Test
    void leavesTheRestToThePortableKernels() {
        AttentionProblem plain = PlanFixtures.problem(64);
        AttentionProblem.Layouts layouts = plain.layouts();
        TensorLayout repeated = new TensorLayout(0, 0, 64, 1, true);
        TensorLayout far = new TensorLayout(1L << 39, 64, 64, 1, true);
        for (AttentionProblem problem :
                List.of(
                        PlanFixtures.problem(32),
                        plain.withBias(BiasKind.ELEMENT),
                        plain.withDropout(0.1),
                        plain.withLayouts(withKey(layouts, repeated)),
                        plain.withLayouts(withKey(layouts, far)))) {
            assertEquals(1, AttentionPlanner.portableReasons(problem, PlanFixtures.H200).size());
            assertEquals(
                    Sm80Planner.plan(problem, PlanFixtures.H200),
                    AttentionPlanner.plan(problem, PlanFixtures.H200));
        }
        assertEquals(1, Sm90Planner.forwardReasons(plain, PlanFixtures.A100).size());
        DeviceInfo blackwell = new DeviceInfo(0, "B200", 10, 0, 148, 227 * 1024);
        assertEquals(1, Sm90Planner.forwardReasons(plain, blackwell).size());
    }

    @ParameterizedTest
    @ValueSource(ints = {40, 64, 72, 96, 104, 128})
    void takesTheBackwardPassOnHopper(int headSize) {
        int headDim = TileTable.headDim(headSize);
        AttentionPlan plan =
                AttentionPlanner.plan(PlanFixtures.training(headSize), PlanFixtures.H200);
        assertEquals(
                List.of("backward_row_dot_sm90", "backward_sm90", "backward_convert_dq_sm90"),
                plan.backward().stream().map(step -> step.variant().entry()).toList());
        KernelStep gradients = plan.backward().get(1);
        assertEquals(4, gradients.boxes().size());
        for (TensorBox box : gradients.boxes()) {
            assertTrue(box.rows() <= 256 && box.swizzleBytes() <= 128, box::toString);
            assertEquals(0, headDim % box.columns());
        }
        // The driver starts copies at multiples of the widest permutation.
        assertEquals(0, gradients.boxes().get(0).rows() * headDim * ElementType.HALF_BYTES % 1024);
        assertTrue(gradients.sharedBytes() <= PlanFixtures.H200.sharedMemoryPerBlock());
        // 2 x 4 heads x 4 tiles of 128 keys.
        assertEquals(32, gradients.blocks());
    }

    @Test
    void padsQueriesToTilesInTheBackwardWorkspace() {
        AttentionProblem training = PlanFixtures.training(128);
        Workspace workspace =
                AttentionPlanner.plan(training, PlanFixtures.H200).backwardWorkspace();
        long rows = 2 * 8 * 320; // 300 queries in tiles of 64
        assertEquals(4, workspace.offsets().size());
        assertTrue(workspace.offsets().get(1) >= rows * 2 * Float.BYTES);
        assertTrue(
                workspace.offsets().get(2) - workspace.offsets().get(1)
                        >= rows * 128 * Float.BYTES);
        assertTrue(workspace.bytes() - workspace.offsets().get(3) >= Integer.BYTES);
        Workspace ordered =
                AttentionPlanner.plan(training.withDeterministic(true), PlanFixtures.H200)
                        .backwardWorkspace();
        assertTrue(
                ordered.offsets().get(3) - ordered.offsets().get(2) >= rows / 64 * Integer.BYTES);
    }

    @Test
    void leavesOtherBackwardPassesToThePortableKernels() {
        for (AttentionProblem problem :
                List.of(
                        PlanFixtures.training(32),
                        PlanFixtures.training(64).withDropout(0.1),
                        PlanFixtures.training(64).withBias(BiasKind.FLOAT))) {
            assertEquals(
                    Sm80Planner.plan(problem, PlanFixtures.H200).backward(),
                    AttentionPlanner.plan(problem, PlanFixtures.H200).backward());
        }
        AttentionProblem training = PlanFixtures.training(64);
        assertEquals(
                Sm80Planner.plan(training, PlanFixtures.A100),
                AttentionPlanner.plan(training, PlanFixtures.A100));
    }

    @ParameterizedTest
    @CsvSource({
        "64, 128, 256, forward",
        "64, 129, 256, forward_sm90",
        "64, 128, 257, forward_sm90",
        "128, 85, 85, forward",
        "128, 86, 86, forward_sm90"
    })
    void leavesFewQueriesOnFewKeysToThePortableForward(
            int headSize, int queries, int keys, String entry) {
        AttentionShape shape = new AttentionShape(2, 4, 4, queries, keys, headSize);
        AttentionPlan plan =
                AttentionPlanner.plan(
                        AttentionProblem.of(ElementType.BF16, shape)
                                .withGradient(GradientNeed.INPUTS),
                        PlanFixtures.H200);
        assertEquals(entry, plan.forward().get(0).variant().entry());
        assertEquals("backward_sm90", plan.backward().get(1).variant().entry());
    }

    @Test
    void keepsToThePortableKernelsWhenToldSo() {
        AttentionProblem training = PlanFixtures.training(64);
        assertEquals(List.of(), AttentionPlanner.portableReasons(training, PlanFixtures.H200));
        System.setProperty(CudaSetting.SPECIALIZED.property(), "false");
        try {
            assertEquals(
                    Sm80Planner.plan(training, PlanFixtures.H200),
                    AttentionPlanner.plan(training, PlanFixtures.H200));
            String reason = AttentionPlanner.portableReasons(training, PlanFixtures.H200).get(0);
            assertTrue(reason.contains(CudaSetting.SPECIALIZED.property()), reason);
        } finally {
            System.clearProperty(CudaSetting.SPECIALIZED.property());
        }
    }

    private static KernelStep forward(AttentionProblem problem, DeviceInfo device) {
        return AttentionPlanner.plan(problem, device).forward().get(0);
    }

    private static AttentionProblem.Layouts withKey(
            AttentionProblem.Layouts layouts, TensorLayout key) {
        return new AttentionProblem.Layouts(
                layouts.query(), key, layouts.value(), layouts.output());
    }
}
