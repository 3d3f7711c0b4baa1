package org.djlflash.zoo.generate;

import java.util.List;
import java.util.Optional;
import org.djlflash.zoo.generate.GenerationResult.Finish;

/** How a single prompt is continued: in one row, or in several at once. For one thread. */
interface Search {

    /**
     * The rows that go on.
     *
     * @param parents which row each one continues, counted from 0 within the search
     * @param tokens the token that each one reads next
     */
    record Rows(int[] parents, int[] tokens) {

        static final Rows NONE = new Rows(new int[0], new int[0]);

        int count() {
            return tokens.length;
        }
    }

    /** What came of the search. */
    record Found(int[] ids, Optional<String> text, Finish finish, List<Hypothesis> hypotheses) {}

    /**
     * Continues.
     *
     * @param logits those of each row, which are the search's to change
     * @return the rows that go on, none if the search has ended
     */
    Rows advance(float[][] logits);

    /** Returns how the search goes on without logits; empty if it needs them. */
    Optional<TokenLoop.Row> row();

    /**
     * Continues by a token that was chosen elsewhere.
     *
     * @param token the token
     * @return whether the search goes on
     */
    boolean take(int token);

    /** Returns how many tokens it can take at most. */
    int left();

    /** Returns what was found. */
    Found found();
}
