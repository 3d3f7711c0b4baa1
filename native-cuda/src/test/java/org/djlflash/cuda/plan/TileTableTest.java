package org.djlflash.cuda.plan;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class TileTableTest {

    @ParameterizedTest
    @CsvSource({"1,16", "16,16", "17,32", "33,64", "72,96", "97,128", "129,256", "256,256"})
    void headsArePadded(int headSize, int headDim) {
        assertEquals(headDim, TileTable.headDim(headSize));
    }

    @Test
    void largerHeadsHaveNoKernel() {
        assertThrows(IllegalArgumentException.class, () -> TileTable.headDim(257));
    }

    /** What the kernels demand of any tile: see the documentation of the device code. */
    @ParameterizedTest
    @ValueSource(ints = {16, 32, 64, 96, 128, 256})
    void tilesKeepTheRulesOfTheKernels(int headDim) {
        for (DeviceInfo device : List.of(PlanFixtures.A10, PlanFixtures.A100, PlanFixtures.H200)) {
            for (boolean extraWork : new boolean[] {false, true}) {
                Tile forward = TileTable.forward(headDim, device, extraWork);
                int rows = forward.blockM() / forward.warps();
                assertTrue(rows == 16 || rows == 32, forward::toString);
                assertEquals(0, forward.blockN() % 16, forward::toString);
                if (headDim <= 128) {
                    Tile backward =
                            TileTable.backward(
                                    TileTable.backwardHeadDim(headDim), device, extraWork);
                    assertEquals(backward.blockN() / 16, backward.warps(), backward::toString);
                    assertEquals(0, backward.blockM() % 32, backward::toString);
                }
            }
        }
    }
}
