package org.djlflash;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import java.util.function.Function;
import org.djlflash.testkit.Closeness;
import org.junit.jupiter.api.Assertions;

/** Compares gradients with differences of the function itself, in double precision. */
final class NumericalGradient {

    private static final double STEP = 1e-5;
    private static final double TOLERANCE = 1e-6;

    private NumericalGradient() {}

    /**
     * Demands that all gradients match.
     *
     * @param leaves FLOAT64 arrays; they become parameters
     * @param function what is computed from them
     * @param weights the gradient of its output
     */
    static void assertMatches(
            NDArray[] leaves, Function<NDArray[], NDArray> function, NDArray weights) {
        for (NDArray leaf : leaves) {
            leaf.setRequiresGradient(true);
        }
        Fixtures.backward(() -> function.apply(leaves), weights);
        for (int i = 0; i < leaves.length; i++) {
            double[] differences = differences(leaves, i, function, weights);
            double[] gradient = Closeness.toDoubles(leaves[i].getGradient());
            double largest = 0;
            double error = 0;
            for (int j = 0; j < gradient.length; j++) {
                largest = Math.max(largest, Math.abs(differences[j]));
                error = Math.max(error, Math.abs(gradient[j] - differences[j]));
            }
            Assertions.assertTrue(largest > 0, "nothing depends on argument " + i);
            Assertions.assertTrue(
                    error <= TOLERANCE * largest,
                    "gradient " + i + " is off by " + error + ", the largest is " + largest);
        }
    }

    private static double[] differences(
            NDArray[] leaves, int at, Function<NDArray[], NDArray> function, NDArray weights) {
        double[] values = leaves[at].toDoubleArray();
        double[] differences = new double[values.length];
        for (int j = 0; j < values.length; j++) {
            double before = values[j];
            values[j] = before + STEP;
            double above = sum(leaves, at, values, function, weights);
            values[j] = before - STEP;
            double below = sum(leaves, at, values, function, weights);
            values[j] = before;
            differences[j] = (above - below) / (2 * STEP);
        }
        return differences;
    }

    private static double sum(
            NDArray[] leaves,
            int at,
            double[] values,
            Function<NDArray[], NDArray> function,
            NDArray weights) {
        try (NDManager scope = Fixtures.manager()) {
            NDArray[] arguments = new NDArray[leaves.length];
            for (int i = 0; i < leaves.length; i++) {
                double[] data = i == at ? values : leaves[i].toDoubleArray();
                arguments[i] = scope.create(data, leaves[i].getShape());
            }
            NDArray weighted = function.apply(arguments).mul(weights);
            weighted.attach(scope);
            return weighted.toType(DataType.FLOAT64, false).sum().getDouble();
        }
    }
}
