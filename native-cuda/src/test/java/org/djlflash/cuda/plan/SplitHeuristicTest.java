package org.djlflash.cuda.plan;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SplitHeuristicTest {

    /** 132 multiprocessors, keys in blocks of 64. */
    @ParameterizedTest
    @CsvSource({
        // groups, keys, expected
        "512, 256, 1",
        "256, 512, 1",
        "128, 1024, 1",
        "118, 1024, 2",
        "64, 2048, 4",
        "32, 4096, 8",
        "16, 8192, 16",
        "8, 16384, 33",
        "4, 32768, 66",
        "2, 65536, 132",
        "2, 131072, 132",
        "12, 1024, 8",
        "12, 128, 1",
        "12, 1, 1",
        "1, 262144, 264",
    })
    void table(long groups, long keys, int expected) {
        assertEquals(expected, SplitHeuristic.splits(groups, (keys + 63) / 64, 132));
    }

    @Test
    void neverMoreThanBlocksAllowNorThanTheKernelTakes() {
        for (long groups = 1; groups < 300; groups = groups * 3 / 2 + 1) {
            for (long blocks = 0; blocks < 5000; blocks = blocks * 2 + 1) {
                for (int multiprocessors = 1; multiprocessors < 2000; multiprocessors *= 3) {
                    int splits = SplitHeuristic.splits(groups, blocks, multiprocessors);
                    assertTrue(splits >= 1 && splits <= SplitHeuristic.MAXIMUM);
                    assertTrue(splits == 1 || splits * 2L <= blocks);
                }
            }
        }
    }
}
