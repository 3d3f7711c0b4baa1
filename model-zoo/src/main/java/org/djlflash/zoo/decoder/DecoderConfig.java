package org.djlflash.zoo.decoder;

import java.util.List;

/** The shape of a language model that generates text, as far as all of them have it. */
public interface DecoderConfig {

    /**
     * Returns the number of tokens that the model knows.
     *
     * @return the vocabulary size V
     */
    int vocabularySize();

    /**
     * Returns the greatest number of positions.
     *
     * @return the number of positions S
     */
    int maxPositions();

    /**
     * Returns the width of the model.
     *
     * @return the embedding size E
     */
    int embeddingSize();

    /**
     * Returns the width of the feed-forward part of a layer.
     *
     * @return the width
     */
    int innerSize();

    /**
     * Returns the number of layers.
     *
     * @return the number
     */
    int layers();

    /**
     * Returns the number of query heads of a layer.
     *
     * @return the number N
     */
    int heads();

    /**
     * Returns the number of heads of keys and values, each shared by as many query heads.
     *
     * @return a divisor of N
     */
    int keyValueHeads();

    /**
     * Returns the size of a head.
     *
     * @return the head size H
     */
    int headSize();

    /**
     * Tells whether the output layer shares the weight of the token embedding.
     *
     * @return true if it does
     */
    boolean tieWordEmbeddings();

    /**
     * Returns the tokens that end a text.
     *
     * @return their ids, perhaps none
     */
    List<Integer> endTokenIds();
}
