package org.djlflash.cuda.plan;

import static org.djlflash.cuda.plan.PlanFixtures.A10;
import static org.djlflash.cuda.plan.PlanFixtures.A100;
import static org.djlflash.cuda.plan.PlanFixtures.H200;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class Fp32TileTableTest {

    /** What the kernels demand of any tile: see the documentation of the device code. */
    @ParameterizedTest
    @ValueSource(ints = {16, 32, 64, 96, 128})
    void tilesKeepTheRulesOfTheKernels(int headDim) {
        for (DeviceInfo device : List.of(A10, A100, H200)) {
            for (boolean extraWork : new boolean[] {false, true}) {
                Tile forward = Fp32TileTable.forward(headDim, device, extraWork);
                int rows = forward.blockM() / forward.warps();
                assertTrue(rows == 16 || rows == 32, forward::toString);
                assertEquals(0, forward.blockN() % 16, forward::toString);
                Tile backward =
                        Fp32TileTable.backward(
                                TileTable.backwardHeadDim(headDim), device, extraWork);
                assertEquals(backward.blockN() / 16, backward.warps(), backward::toString);
                assertEquals(0, backward.blockM() % 32, backward::toString);
                for (Tile tile : List.of(forward, backward)) {
                    assertEquals(2, tile.stages(), "a step is fetched ahead");
                    assertEquals(0, tile.warps() % 4, "their largest numbers are read by fours");
                }
            }
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {8, 32, 64, 72, 96, 128})
    void sharedMemoryHoldsThem(int headSize) {
        AttentionShape shape = new AttentionShape(2, 8, 4, 300, 500, headSize);
        AttentionProblem problem = AttentionProblem.of(ElementType.FP32, shape);
        for (DeviceInfo device : List.of(A10, A100, H200)) {
            for (AttentionProblem one : List.of(problem, problem.withDropout(0.1))) {
                assertEquals(List.of(), Sm80Planner.unsupportedReasons(one, device));
                boolean trains = device != A10 || headSize <= 64;
                AttentionProblem training = one.withGradient(GradientNeed.INPUTS);
                assertEquals(trains, Sm80Planner.unsupportedReasons(training, device).isEmpty());
            }
        }
    }

    @Test
    void bytesAreThoseOfTheDeviceCode() {
        AttentionShape shape = new AttentionShape(2, 8, 4, 300, 500, 128);
        AttentionProblem problem =
                AttentionProblem.of(ElementType.FP32, shape).withGradient(GradientNeed.INPUTS);

        AttentionPlan plan = Sm80Planner.plan(problem, H200);

        // Q, two stages of K and V; a largest number a warp of Q, and of K and V in each stage.
        int forward = 4 * 128 * (256 + 2 * 2 * 32) + 4 * 8 * (1 + 2 * 2);
        assertEquals(forward, plan.forward().get(0).sharedBytes());
        // K, V, two stages of Q and dO, of P and dS, of statistics, largest numbers, scales of dS.
        int operands = 4 * 128 * (2 * 128 + 2 * 2 * 32);
        int scores = 4 * 2 * 32 * 128;
        int numbers = 2 * 8 * 32 + 4 * 8 * (2 + 2 * 2) + 4 * 8 * 2;
        assertEquals(operands + scores + numbers, plan.backward().get(1).sharedBytes());
    }

    /** One layer of a long text: scratch memory beside inputs, output, gradients and statistics. */
    @Test
    void memoryIsLinear() {
        AttentionShape shape = new AttentionShape(1, 16, 16, 65536, 65536, 64);
        AttentionProblem problem =
                AttentionProblem.of(ElementType.FP32, shape).withGradient(GradientNeed.INPUTS);

        AttentionPlan plan = Sm80Planner.plan(problem, H200);

        long tensor = 4L * 16 * 65536 * 64;
        long needed = 8 * tensor + plan.logSumExpBytes();
        assertEquals(0, plan.forwardWorkspace().bytes());
        assertTrue(needed + plan.backwardWorkspace().bytes() < 1.13 * needed);
    }

    @Test
    void limits() {
        AttentionShape shape = new AttentionShape(2, 8, 4, 10, 500, 64);
        AttentionProblem problem = AttentionProblem.of(ElementType.FP32, shape);
        assertReason("Decoding takes FLOAT16 and BFLOAT16.", problem.withDecode(true));
        assertReason(
                "The head size is 136; in FLOAT32 up to 128 is possible.",
                AttentionProblem.of(ElementType.FP32, new AttentionShape(2, 8, 4, 10, 500, 136)));
        assertEquals(
                List.of("FLOAT32 is multiplied in two parts by the portable kernels alone."),
                AttentionPlanner.portableReasons(problem, H200));
    }

    /** Four floats are 16 bytes. */
    @Test
    void rowsOfFloatsStartAtMultiplesOfFour() {
        TensorLayout rows = new TensorLayout(4000, 400, 68, 1, true);
        assertTrue(rows.hasAlignedRows(ElementType.FP32, 2, 2, 2));
        assertEquals(false, rows.hasAlignedRows(ElementType.BF16, 2, 2, 2));
    }

    private static void assertReason(String reason, AttentionProblem problem) {
        assertEquals(List.of(reason), Sm80Planner.unsupportedReasons(problem, H200));
    }
}
