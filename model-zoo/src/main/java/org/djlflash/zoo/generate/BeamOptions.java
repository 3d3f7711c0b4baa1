package org.djlflash.zoo.generate;

import java.util.Objects;

/**
 * How beam search goes on and ends, as Hugging Face has it.
 *
 * @param beams how many texts are kept at every step; 1 for no beam search
 * @param lengthPenalty the power of the length that divides a text's score: above 0 favours long
 *     texts, below 0 short ones
 * @param earlyStopping when the search ends
 */
public record BeamOptions(int beams, double lengthPenalty, EarlyStopping earlyStopping) {

    /** When the search ends, once there are as many ended texts as beams. */
    public enum EarlyStopping {
        /** When no running text is better at its length than the worst of the ended ones. */
        NO,
        /** At once. */
        YES,
        /** When no running text can become better, were it as long as allowed. */
        NEVER
    }

    /** No beam search. */
    public static final BeamOptions NONE = new BeamOptions(1, 1, EarlyStopping.NO);

    private static final int MAX_BEAMS = 1024;

    /**
     * Checks the options.
     *
     * @param beams 1 to 1024
     * @param lengthPenalty a finite number
     * @param earlyStopping not null
     * @throws IllegalArgumentException if a value is out of its range
     */
    public BeamOptions {
        Objects.requireNonNull(earlyStopping, "earlyStopping");
        if (beams < 1 || beams > MAX_BEAMS) {
            throw new IllegalArgumentException(
                    "beams is " + beams + ", allowed is 1 to " + MAX_BEAMS);
        }
        if (!Double.isFinite(lengthPenalty)) {
            throw new IllegalArgumentException(
                    "lengthPenalty is " + lengthPenalty + ", allowed is a finite number");
        }
    }

    /** Returns the score of a text. */
    double score(double logProbability, int length) {
        return logProbability / Math.pow(length, lengthPenalty);
    }
}
