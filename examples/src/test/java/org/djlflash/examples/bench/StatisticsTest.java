package org.djlflash.examples.bench;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import org.junit.jupiter.api.Test;

class StatisticsTest {

    @Test
    void theMedianIsInTheMiddle() {
        assertEquals(7, Statistics.median(7));
        assertEquals(3, Statistics.median(100, 3, 1));
        assertEquals(2.5, Statistics.median(4, 1, 3, 2));
    }

    @Test
    void samplesStayInTheirOrder() {
        double[] samples = {3, 1, 2};
        Statistics.median(samples);
        assertArrayEquals(new double[] {3, 1, 2}, samples);
    }

    @Test
    void nothingHasNoMedian() {
        assertThrows(IllegalArgumentException.class, Statistics::median);
    }
}
