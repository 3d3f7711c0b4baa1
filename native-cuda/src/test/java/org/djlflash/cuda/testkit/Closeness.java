package org.djlflash.cuda.testkit;

import static org.junit.jupiter.api.Assertions.assertTrue;

import org.djlflash.cuda.plan.ElementType;

/**
 * The rule for results: the error against double precision is at most a factor times that of an
 * unfused implementation in the same type, plus the rounding noise of the type. Stateless.
 */
public final class Closeness {

    private Closeness() {}

    /**
     * Asserts the rule.
     *
     * @param name what is compared, for the message
     * @param type the type of the result
     * @param size what the terms reach that a result is the difference of
     * @param factor how many times the unfused error is allowed
     * @param result what the kernel wrote
     * @param exact the same in double precision
     * @param unfused the same with every step rounded
     */
    public static void assertClose(
            String name,
            ElementType type,
            double size,
            double factor,
            double[] result,
            double[] exact,
            double[] unfused) {
        double noise = 0;
        double unfusedError = 0;
        double error = 0;
        int worst = 0;
        for (int i = 0; i < exact.length; i++) {
            // The rounding of an addition and a subtraction at that size.
            double there = Precision.round(type, Precision.round(type, exact[i] + size) - size);
            noise = Math.max(noise, Math.abs(there - exact[i]));
            unfusedError = Math.max(unfusedError, Math.abs(unfused[i] - exact[i]));
            double here = Math.abs(result[i] - exact[i]);
            if (!(here <= error)) {
                error = here;
                worst = i;
                if (Double.isNaN(here)) {
                    break;
                }
            }
        }
        double limit = factor * unfusedError + 2 * noise;
        assertTrue(
                error <= limit,
                "%s: error %.3e at %d (%s instead of %s), limit %.3e = %s x %.3e + 2 x %.3e"
                        .formatted(
                                name,
                                error,
                                worst,
                                result[worst],
                                exact[worst],
                                limit,
                                factor,
                                unfusedError,
                                noise));
    }
}
