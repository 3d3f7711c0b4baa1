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
     * Tokens that were read so far, one row for each text, as the model keeps them: closed with its
     * manager, or earlier. Rows may differ in length; they do not see each other. For one thread.
     */
    interface Sequence extends AutoCloseable {

        /**
         * Reads further tokens, as many for every row.
         *
         * @param ids the tokens' ids, INT64, shape (B, T)
         * @return the logits of the token after the last, FLOAT32, shape (B, V), on the manager of
         *     the ids
         */
        NDArray read(NDArray ids);

        /**
         * Reads further tokens, not as many for every row.
         *
         * @param ids the tokens' ids, INT64, shape (B, T), padded on the right with ids of any
         *     tokens, which never show; there is room for T more tokens in every row, but for the
         *     first reading
         * @param counts how many tokens of each row count, B numbers from 1 to T
         * @return the logits of the token after each row's last, FLOAT32, shape (B, V), on the
         *     manager of the ids
         * @throws IllegalArgumentException if shape or counts do not fit
         */
        NDArray read(NDArray ids, long... counts);

        /**
         * Makes row i what row {@code rows[i]} was: rows change places, are dropped, or are
         * repeated.
         *
         * @param rows which rows there are from now on, at most as many as at first
         * @throws IllegalArgumentException if they are too many, or one was not there
         */
        void select(int... rows);

        /**
         * Says why the model cannot choose tokens on its device.
         *
         * @return the reasons, as sentences; empty if it can
         */
        default List<String> loopReasons() {
            return List.of("The model gives its logits to the host.");
        }

        /**
         * Begins to choose tokens on the device. Until the loop is closed, nothing else is done
         * with the sequence.
         *
         * @param rows how each row goes on
         * @param captured whether steps are captured as graphs
         * @return the loop
         * @throws UnsupportedOperationException if there are {@link #loopReasons()}
         */
        default TokenLoop loop(List<TokenLoop.Row> rows, boolean captured) {
            throw new UnsupportedOperationException(String.join(" ", loopReasons()));
        }

        /** Frees what is kept. Closing twice is harmless. */
        @Override
        void close();
    }

    /**
     * Starts empty sequences.
     *
     * @param manager what they are closed with
     * @param rows how many there are, B, at least 1
     * @param capacity the number of tokens that each can hold, at most {@link #maxPositions()}
     * @return the sequences
     */
    Sequence newSequence(NDManager manager, int rows, int capacity);

    /**
     * Starts empty sequences whose tokens are kept in pages, if the model can do that: rows take
     * them as they grow and share them when they are repeated.
     *
     * @param manager what they are closed with
     * @param rows how many there are, B, at least 1
     * @param capacity the number of tokens that each can hold, at most {@link #maxPositions()}
     * @param pageSize the tokens of a page, a power of two from 16 to 256; 0 for no pages
     * @return the sequences
     */
    default Sequence newSequence(NDManager manager, int rows, int capacity, int pageSize) {
        return newSequence(manager, rows, capacity);
    }

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
