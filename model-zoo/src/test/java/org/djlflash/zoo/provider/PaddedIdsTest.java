package org.djlflash.zoo.provider;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Padding is taken away on whatever side it is. */
class PaddedIdsTest {

    private final NDManager manager = NDManager.newBaseManager(Device.cpu(), "PyTorch");

    @AfterEach
    void close() {
        manager.close();
    }

    private NDArray array(long... numbers) {
        return manager.create(numbers, new Shape(numbers.length / 3, 3));
    }

    @Test
    void stripsBothSides() {
        NDArray ids = array(9, 1, 2, 3, 9, 9, 9, 4, 9, 5, 6, 7, 9, 9, 9);
        NDArray mask = array(0, 1, 1, 1, 0, 0, 0, 1, 0, 1, 1, 1, 0, 0, 0);
        List<int[]> prompts = PaddedIds.prompts(new NDList(ids, mask));
        int[][] expected = {{1, 2}, {3}, {4}, {5, 6, 7}, {}};
        assertArrayEquals(expected, prompts.toArray(int[][]::new));
        assertArrayEquals(new int[] {9, 1, 2}, PaddedIds.prompts(new NDList(ids)).get(0));
    }

    @Test
    void padsOnTheLeft() {
        List<long[]> prompts = List.of(new long[] {1, 2}, new long[] {3, 4, 5}, new long[] {6});
        NDArray[] padded = PaddedIds.pad(manager, prompts);
        assertEquals(array(0, 1, 2, 3, 4, 5, 0, 0, 6), padded[0]);
        assertEquals(array(0, 1, 1, 1, 1, 1, 0, 0, 1), padded[1]);
    }

    @Test
    void refusesOtherMasksAndShapes() {
        assertRefused("allowed are zeros, then ones", array(1, 2, 3), array(1, 0, 1));
        assertRefused("allowed are zeros, then ones", array(1, 2, 3), array(1, 2, 1));
        assertRefused("mask of shape (2, 3)", array(1, 2, 3), array(1, 1, 1, 1, 1, 1));
        assertRefused("shape (3)", manager.create(new long[3]));
        assertRefused("3 arrays", array(1, 2, 3), array(1, 1, 1), array(1, 1, 1));
    }

    private static void assertRefused(String text, NDArray... inputs) {
        String message =
                assertThrows(
                                IllegalArgumentException.class,
                                () -> PaddedIds.prompts(new NDList(inputs)))
                        .getMessage();
        assertTrue(message.contains(text) && message.contains("allowed"), message);
    }
}
