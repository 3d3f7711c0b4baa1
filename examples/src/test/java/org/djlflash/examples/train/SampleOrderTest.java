package org.djlflash.examples.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import java.util.Arrays;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class SampleOrderTest {

    @Test
    void everySampleComesOnceARound() {
        SampleOrder order = new SampleOrder(10, 1);
        int[] first = read(order, 0);
        int[] second = read(order, 5);
        assertFalse(Arrays.equals(first, second), "shuffled anew");
        for (int[] round : new int[][] {first, second}) {
            assertArrayEquals(
                    IntStream.range(0, 10).toArray(), Arrays.stream(round).sorted().toArray());
        }
    }

    private static int[] read(SampleOrder order, int firstStep) {
        return IntStream.range(firstStep, firstStep + 5)
                .flatMap(step -> Arrays.stream(order.batch(step, 2)))
                .toArray();
    }

    @Test
    void aBatchDependsOnItsNumberAlone() {
        SampleOrder order = new SampleOrder(7, 2);
        int[] expected = order.batch(5, 4);
        order.batch(0, 4);
        assertArrayEquals(expected, order.batch(5, 4));
        assertArrayEquals(expected, new SampleOrder(7, 2).batch(5, 4));
        assertFalse(Arrays.equals(expected, new SampleOrder(7, 3).batch(5, 4)));
    }

    @Test
    void aBatchMayBeLargerThanAllSamples() {
        assertEquals(5, new SampleOrder(2, 1).batch(3, 5).length);
    }
}
