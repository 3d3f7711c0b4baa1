package org.djlflash.cuda.plan;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class StepPlannerTest {

    private static final DeviceInfo H100 = new DeviceInfo(0, "H100", 9, 0, 132, 227 * 1024);
    private static final DeviceInfo A100 = new DeviceInfo(0, "A100", 8, 0, 108, 163 * 1024);

    @ParameterizedTest
    @CsvSource({
        "1, NONE, 1, 1, 4, 64",
        "8, ADD, 1, 1, 4, 64",
        "9, NONE, 1, 2, 2, 64",
        "17, GELU, 2, 4, 1, 32",
        "33, GELU_TANH, 2, 4, 1, 64",
        "1, GATED, 2, 1, 2, 32",
        "16, GATED, 2, 2, 1, 32",
        "32, GATED, 2, 4, 1, 32"
    })
    void tilesFollowTheRows(
            int rows, Epilogue epilogue, int outputTiles, int rowTiles, int chunks, long blocks) {
        KernelStep step =
                StepPlanner.linear(rows, List.of(500, 500), epilogue, ElementType.FP16, H100);
        assertEquals(
                List.of(
                        "CHUNKS=" + chunks,
                        "ELEMENT=fp16",
                        "EPILOGUE=" + epilogue.ordinal(),
                        "OUTPUT_TILES=" + outputTiles,
                        "ROW_TILES=" + rowTiles,
                        "WARPS=8"),
                step.variant().defines());
        assertEquals(blocks, step.blocks());
    }

    @Test
    void theWarpsSetTheOrderOfSumsWhateverTheRows() {
        for (int rows : new int[] {1, 8, 9, 16, 17, 64}) {
            KernelStep step =
                    StepPlanner.linear(rows, List.of(64), Epilogue.NONE, ElementType.FP16, A100);
            assertEquals(256, step.threads());
        }
    }

    @Test
    void kernelsOverlapButForTheFirstWhereTheGpuCan() {
        assertFalse(StepPlanner.embed(2, ElementType.FP16, H100).overlaps());
        assertTrue(StepPlanner.sample(2, ElementType.FP16, H100).overlaps());
        assertFalse(StepPlanner.sample(2, ElementType.FP16, A100).overlaps());
    }

    @Test
    void sourcesAreThoseOfSteps() {
        KernelVariant variant = StepPlanner.append(2, 6, ElementType.FP16, H100).variant();
        assertEquals("step/entry/step_append.cu", variant.sourceFile());
        assertEquals("flash_step_append", variant.functionName());
    }
}
