package org.djlflash.examples.train;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

class ConfusionTest {

    /** By hand: precision 2/3 and recall 2/4 of label 0, 3/5 and 3/4 of label 1, 0 of label 2. */
    @Test
    void isTheTextbooks() {
        Confusion confusion = new Confusion(3);
        add(confusion, 0, 0, 2);
        add(confusion, 0, 1, 2);
        add(confusion, 1, 0, 1);
        add(confusion, 1, 1, 3);
        assertEquals(5.0 / 8, confusion.accuracy(), 1e-12);
        double first = 2 * (2.0 / 3) * (2.0 / 4) / (2.0 / 3 + 2.0 / 4);
        double second = 2 * (3.0 / 5) * (3.0 / 4) / (3.0 / 5 + 3.0 / 4);
        assertEquals((first + second) / 3, confusion.macroF1(), 1e-12);
    }

    private static void add(Confusion confusion, int right, int taken, int times) {
        for (int i = 0; i < times; i++) {
            confusion.add(right, taken);
        }
    }
}
