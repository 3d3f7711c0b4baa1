package org.djlflash.examples.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
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
    void labelsAreTheNextTokens() {
        try (NDManager manager = NDManager.newBaseManager()) {
            TokenWindows windows = TokenWindows.cut(ids(50), 5);
            NDArray data = windows.data(manager, 3, 0);
            assertArrayEquals(new long[] {15, 16, 17, 18, 0, 1, 2, 3}, data.toLongArray());
            assertEquals(data.add(1), windows.labels(manager, 3, 0));
        }
    }
}
