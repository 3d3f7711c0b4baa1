package org.djlflash.testkit;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.DataType;
import org.junit.jupiter.api.Assertions;

/** Compares arrays with double references and names the first element that is off. */
public final class Closeness {

    private Closeness() {}

    /**
     * Reads an array of any floating type.
     *
     * @param array the array
     * @return its elements, row-major
     */
    public static double[] toDoubles(NDArray array) {
        try (NDArray doubles = array.toType(DataType.FLOAT64, true)) {
            return doubles.toDoubleArray();
        }
    }

    /**
     * Demands |actual - expected| &le; tolerance &middot; max(1, largest |expected|) everywhere.
     *
     * @param what the name in the message
     * @param expected the reference
     * @param actual the array
     * @param tolerance the tolerance
     */
    public static void assertClose(
            String what, double[] expected, NDArray actual, double tolerance) {
        assertClose(what, expected, toDoubles(actual), tolerance);
    }

    /**
     * Demands |actual - expected| &le; tolerance &middot; max(1, largest |expected|) everywhere.
     *
     * @param what the name in the message
     * @param expected the reference
     * @param actual the values
     * @param tolerance the tolerance
     */
    public static void assertClose(
            String what, double[] expected, double[] actual, double tolerance) {
        Assertions.assertEquals(expected.length, actual.length, what + ": length");
        double limit = 1;
        for (double value : expected) {
            limit = Math.max(limit, Math.abs(value));
        }
        limit *= tolerance;
        for (int i = 0; i < expected.length; i++) {
            // Written so that NaN fails.
            if (!(Math.abs(expected[i] - actual[i]) <= limit)) {
                Assertions.fail(
                        what
                                + "["
                                + i
                                + "] is "
                                + actual[i]
                                + ", expected "
                                + expected[i]
                                + " within "
                                + limit);
            }
        }
    }
}
