package org.djlflash.cuda.testkit;

import java.util.function.DoubleUnaryOperator;
import org.djlflash.cuda.plan.ElementType;

/**
 * How a computation rounds. Immutable.
 *
 * @param results what is done to every intermediate result
 * @param roundsSums whether a sum is rounded to 32 bits after every addition
 */
public record Precision(DoubleUnaryOperator results, boolean roundsSums) {

    /** No rounding beyond double precision. */
    public static final Precision EXACT = new Precision(DoubleUnaryOperator.identity(), false);

    /**
     * Returns the rounding of an unfused implementation. Sums have 32 bits, which shows where the
     * results have as many.
     *
     * @param type the type of the elements
     * @return the rounding
     */
    public static Precision unfused(ElementType type) {
        return new Precision(value -> round(type, value), type == ElementType.FP32);
    }

    /**
     * Rounds a number to a type.
     *
     * @param type the type
     * @param value the number
     * @return the nearest number of that type
     */
    public static double round(ElementType type, double value) {
        return type == ElementType.FP32 ? (float) value : Halves.round(type, value);
    }

    double result(double value) {
        return results.applyAsDouble(value);
    }
}
