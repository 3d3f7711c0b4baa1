package org.djlflash.zoo.generate;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import java.util.List;
import org.djlflash.AttentionRequest;

/**
 * A model that predicts the next token from those before it. Safe for use by many threads, each
 * with sequences of its own.
 */
public interface CausalLanguageModel {

    /**
     * Tokens that were read so far, as the model keeps them: closed with its manager, or earlier.
     * For one thread.
     */
    interface Sequence extends AutoCloseable {

        /**
         * Reads further tokens.
         *
         * @param ids the tokens' ids, INT64, shape (1, T)
         * @return the logits of the token after the last, FLOAT32, shape (1, V), on the manager of
         *     the ids
         */
        NDArray read(NDArray ids);

        /** Frees what is kept. Closing twice is harmless. */
        @Override
        void close();
    }

    /**
     * Starts an empty sequence.
     *
     * @param manager what the sequence is closed with
     * @param capacity the number of tokens that it can hold, at most {@link #maxPositions()}
     * @return the sequence
     */
    Sequence newSequence(NDManager manager, int capacity);

    /**
     * Computes the logits after every token at once.
     *
     * @param ids the tokens' ids, INT64, shape (B, T)
     * @return FLOAT32, shape (B, T, V), on the manager of the ids
     */
    NDArray logits(NDArray ids);

    /**
     * Returns the manager of the model's arrays, whose device is the model's.
     *
     * @return the manager
     */
    NDManager manager();

    /**
     * Returns the number of tokens that the model knows.
     *
     * @return the vocabulary size V
     */
    int vocabularySize();

    /**
     * Returns the length of the longest sequence.
     *
     * @return the number of tokens
     */
    int maxPositions();

    /**
     * Returns the tokens that end a text.
     *
     * @return their ids, perhaps none
     */
    List<Integer> endTokenIds();

    /**
     * Describes the attention that a layer computes for one row, to be explained.
     *
     * @param queries the number of tokens read at once, T
     * @param keys the number of tokens that the last of them sees, F
     * @return the request
     */
    AttentionRequest attentionRequest(int queries, int keys);
}
