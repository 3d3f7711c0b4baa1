package org.djlflash.examples.train;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import java.util.Arrays;

/**
 * A text's tokens, cut into windows of one size. The last tenth of them, but at least 1 and at most
 * 64, is held out: not trained on, but measured.
 *
 * @param size the number of tokens of a window
 * @param training the tokens of the windows to train on
 * @param heldOut the tokens of the others
 */
public record TokenWindows(int size, long[] training, long[] heldOut) {

    private static final int HELD_OUT_SHARE = 10;
    private static final int MAX_HELD_OUT = 64;

    /**
     * Cuts a text.
     *
     * @param ids its tokens; those after the last whole window are left out
     * @param size the number of tokens of a window, at least 2
     * @return the windows
     * @throws IllegalArgumentException if there are not enough tokens
     */
    public static TokenWindows cut(long[] ids, int size) {
        if (size < 2) {
            throw new IllegalArgumentException(
                    "window of " + size + " tokens, allowed is 2 or more");
        }
        int windows = ids.length / size;
        if (windows < 2) {
            throw new IllegalArgumentException(
                    String.format(
                            "text of %d tokens, allowed is at least two windows of %d",
                            ids.length, size));
        }
        int heldOut = Math.max(1, Math.min(MAX_HELD_OUT, windows / HELD_OUT_SHARE));
        int border = (windows - heldOut) * size;
        return new TokenWindows(
                size, Arrays.copyOf(ids, border), Arrays.copyOfRange(ids, border, windows * size));
    }

    /** Gives all tokens but the last of windows to train on. */
    NDArray data(NDManager manager, int... windows) {
        return tokens(manager, 0, windows);
    }

    /** Gives what comes next after each of these tokens. */
    NDArray labels(NDManager manager, int... windows) {
        return tokens(manager, 1, windows);
    }

    private NDArray tokens(NDManager manager, int from, int... windows) {
        int count = size - 1;
        long[] tokens = new long[windows.length * count];
        for (int row = 0; row < windows.length; row++) {
            System.arraycopy(training, windows[row] * size + from, tokens, row * count, count);
        }
        return manager.create(tokens, new Shape(windows.length, count));
    }

    /**
     * Returns the number of windows to train on.
     *
     * @return at least 1
     */
    public int trainingCount() {
        return training.length / size;
    }

    /**
     * Returns the number of windows that are held out.
     *
     * @return at least 1
     */
    public int heldOutCount() {
        return heldOut.length / size;
    }
}
