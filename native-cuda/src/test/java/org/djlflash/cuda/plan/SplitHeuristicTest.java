package org.djlflash.cuda.plan;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SplitHeuristicTest {

    /** 132 multiprocessors that hold two blocks each; keys in blocks of 64. */
    @ParameterizedTest
    @CsvSource({
        // groups, keys, expected
        "512, 256, 1",
        "256, 512, 1",
        "128, 1024, 2",
        "64, 2048, 4",
        "32, 4096, 7",
        "16, 8192, 15",
        "8, 16384, 29",
        "4, 32768, 57",
        "2, 65536, 113",
        "2, 131072, 113",
        "12, 1024, 7",
        "12, 128, 1",
        "12, 1, 1",
        "1, 262144, 225",
    })
    void table(long groups, long keys, int expected) {
        assertEquals(expected, SplitHeuristic.splits(groups, (keys + 63) / 64, 264));
    }

    @Test
    void neverMoreThanBlocksAllowNorThanTheKernelTakes() {
        for (long groups = 1; groups < 300; groups = groups * 3 / 2 + 1) {
            for (long blocks = 0; blocks < 5000; blocks = blocks * 2 + 1) {
                for (long places = 1; places < 2000; places = places * 3 + 1) {
                    int splits = SplitHeuristic.splits(groups, blocks, places);
                    assertTrue(splits >= 1 && splits <= SplitHeuristic.MAXIMUM);
                    assertTrue(splits == 1 || splits * 2L <= blocks);
                }
            }
        }
    }
}
