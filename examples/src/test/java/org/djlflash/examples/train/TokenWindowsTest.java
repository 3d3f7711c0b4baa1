package org.djlflash.examples.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.training.dataset.Batch;
import java.util.HashSet;
import java.util.Set;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;

class TokenWindowsTest {

    private static long[] ids(int count) {
        return LongStream.range(0, count).toArray();
    }

    @Test
    void holdsTheEndOut() {
        TokenWindows windows = TokenWindows.cut(ids(103), 5);
        assertArrayEquals(ids(90), windows.training());
        assertArrayEquals(LongStream.range(90, 100).toArray(), windows.heldOut());
        assertEquals(18, windows.trainingCount());
        assertEquals(2, windows.heldOutCount());
    }

    @Test
    void holdsOneOutAtLeastAndNotTooManyOut() {
        assertEquals(1, TokenWindows.cut(ids(10), 5).heldOutCount());
        assertEquals(64, TokenWindows.cut(ids(10_000), 5).heldOutCount());
    }

    @Test
    void refusesTooFewTokens() {
        assertThrows(IllegalArgumentException.class, () -> TokenWindows.cut(ids(9), 5));
        assertThrows(IllegalArgumentException.class, () -> TokenWindows.cut(ids(9), 1));
    }

    @Test
    void labelsAreTheNextTokensAndEveryWindowComesOnce() throws Exception {
        try (NDManager manager = NDManager.newBaseManager()) {
            Set<Long> starts = new HashSet<>();
            for (Batch batch :
                    TokenWindows.cut(ids(50), 5).trainingSet(manager, 4).getData(manager)) {
                try (batch) {
                    NDArray data = batch.getData().singletonOrThrow();
                    assertEquals(4, data.getShape().get(1));
                    assertEquals(data.add(1), batch.getLabels().singletonOrThrow());
                    for (long start : data.get(":, 0").toLongArray()) {
                        assertTrue(starts.add(start) && start % 5 == 0, "window from " + start);
                    }
                }
            }
            assertEquals(9, starts.size());
        }
    }
}
