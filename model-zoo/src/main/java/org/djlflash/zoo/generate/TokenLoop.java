package org.djlflash.zoo.generate;

import java.util.random.RandomGenerator;
import org.djlflash.zoo.generate.sampling.SamplingOptions;

/**
 * Rows whose tokens a model reads and chooses on its device, several in turn, without logits or
 * tokens going to the host and back in between. For one thread.
 */
public interface TokenLoop extends AutoCloseable {

    /**
     * How a row begins, and goes on.
     *
     * @param history the tokens so far, of which the last has yet to be read
     * @param sampling how tokens are chosen
     * @param random gives one number for each token that is drawn
     */
    record Row(int[] history, SamplingOptions sampling, RandomGenerator random) {}

    /**
     * Reads the tokens chosen last and chooses the next ones, several times.
     *
     * @param steps how many times; a row of the sequence that is full by then gives tokens of no
     *     meaning
     * @return the tokens, one array of all rows for each step; -1 where none could be chosen, since
     *     a logit was NaN or positive infinity, or none finite
     */
    int[][] next(int steps);

    /** Frees what the loop keeps; the sequence holds the tokens read. Closing twice is harmless. */
    @Override
    void close();
}
