package org.djlflash.zoo.generate;

import java.util.List;
import org.djlflash.zoo.generate.GenerationResult.Finish;

/**
 * A text that beam search found.
 *
 * @param ids the new tokens' ids, without the token that ended the text
 * @param score the sum of the tokens' log probabilities, divided by their number to the power of
 *     the length penalty; a token that ended the text counts, too
 * @param finish why it ended
 */
public record Hypothesis(List<Integer> ids, double score, Finish finish) {

    /**
     * Copies the list.
     *
     * @param ids the new tokens' ids
     * @param score the score
     * @param finish why it ended
     */
    public Hypothesis {
        ids = List.copyOf(ids);
    }
}
