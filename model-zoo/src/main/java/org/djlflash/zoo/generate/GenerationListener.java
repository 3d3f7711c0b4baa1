package org.djlflash.zoo.generate;

/** Is told of each new token while a text is generated. */
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
}
