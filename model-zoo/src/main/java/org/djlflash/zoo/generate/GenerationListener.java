package org.djlflash.zoo.generate;

import org.djlflash.zoo.generate.GenerationResult.Finish;

/**
 * Is told of what is new while a text is generated, by the thread that generates.
 *
 * <p>During beam search the token is the last one of the text that leads by then, from which a
 * later one may not follow, and the text comes when it is complete.
 */
@FunctionalInterface
public interface GenerationListener {

    /**
     * Takes note of a token.
     *
     * @param id the token's id
     * @param count how many tokens are new by now
     * @return true to go on, false to stop
     */
    boolean onToken(int id, int count);

    /**
     * Takes note of further text, if the generator has a decoder: whole characters, and nothing of
     * what may become a stop string.
     *
     * @param part the text, never empty
     */
    default void onText(String part) {}

    /**
     * Takes note of the end, after the last text. Other prompts of a batch may go on.
     *
     * @param finish why the text ended
     */
    default void onEnd(Finish finish) {}
}
