package org.djlflash.examples.bench;

import java.util.ArrayList;
import java.util.List;

/**
 * One attention of a model's layer.
 *
 * @param batch the batch size B
 * @param heads the number of heads N
 * @param tokens the number of queries and of keys T
 * @param headSize the head size H
 * @param causal whether query i sees keys 0 to i only
 */
public record AttentionCase(int batch, int heads, int tokens, int headSize, boolean causal) {

    /** Which masks are measured. */
    public enum Mask {
        /** Full attention. */
        FULL,
        /** Causal attention. */
        CAUSAL,
        /** Both. */
        BOTH
    }

    /**
     * Lists cases of the same amount of tokens and features.
     *
     * @param headSizes the head sizes
     * @param lengths the numbers of tokens of a row
     * @param tokens the tokens of all rows together
     * @param hidden the features of all heads together
     * @param mask which masks
     * @return the cases, head sizes outermost, then masks
     * @throws IllegalArgumentException if a length does not divide the tokens, or a head size the
     *     features
     */
    public static List<AttentionCase> of(
            List<Integer> headSizes, List<Integer> lengths, int tokens, int hidden, Mask mask) {
        List<AttentionCase> cases = new ArrayList<>();
        for (int headSize : headSizes) {
            requireDivisor("--head-dims", headSize, "--hidden", hidden);
            for (boolean causal : new boolean[] {false, true}) {
                if (mask == (causal ? Mask.FULL : Mask.CAUSAL)) {
                    continue;
                }
                for (int length : lengths) {
                    requireDivisor("--lengths", length, "--tokens", tokens);
                    cases.add(
                            new AttentionCase(
                                    tokens / length, hidden / headSize, length, headSize, causal));
                }
            }
        }
        return cases;
    }

    private static void requireDivisor(String option, int value, String wholeOption, int whole) {
        if (value < 1 || whole < 1 || whole % value != 0) {
            throw new IllegalArgumentException(
                    option
                            + " "
                            + value
                            + ", allowed are divisors of "
                            + wholeOption
                            + " "
                            + whole);
        }
    }

    /** Returns the floating-point operations: a causal mask halves them. */
    double flops(Pass pass) {
        double all = 4.0 * batch * heads * tokens * tokens * headSize;
        return all * (causal ? 0.5 : 1) * pass.forwards();
    }

    /** Returns the speed in TFLOP/s. */
    double teraflops(Pass pass, double microseconds) {
        return flops(pass) / microseconds / 1e6;
    }

    /** Returns the bytes of all scores. */
    double scoreBytes(int elementBytes) {
        return (double) batch * heads * tokens * tokens * elementBytes;
    }
}
