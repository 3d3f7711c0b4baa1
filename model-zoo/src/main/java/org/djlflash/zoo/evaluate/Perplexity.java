package org.djlflash.zoo.evaluate;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.util.Progress;
import java.util.Arrays;
import org.djlflash.zoo.generate.CausalLanguageModel;

/**
 * The mean negative log-likelihood of a text, measured in windows that do not overlap: within each,
 * of every token but the first, given those before it in the window.
 *
 * @param natsPerToken the mean over the windows, in nats
 * @param windows the number of windows
 */
public record Perplexity(double natsPerToken, int windows) {

    /**
     * Measures a text.
     *
     * @param model the model
     * @param ids the tokens of the text; a last window that is not full is left out
     * @param window the number of tokens of a window, from 2 to the model's positions
     * @param progress what is told of the progress, or null
     * @return the measurement
     * @throws IllegalArgumentException if the window is not allowed, the text too short or an id
     *     unknown
     */
    public static Perplexity measure(
            CausalLanguageModel model, long[] ids, int window, Progress progress) {
        check(model, ids, window);
        int windows = ids.length / window;
        if (progress != null) {
            progress.reset("Measuring", windows);
            progress.start(0);
        }
        double sum = 0;
        for (int i = 0; i < windows; i++) {
            sum += loss(model, Arrays.copyOfRange(ids, i * window, (i + 1) * window));
            if (progress != null) {
                progress.increment(1);
            }
        }
        if (progress != null) {
            progress.end();
        }
        return new Perplexity(sum / windows, windows);
    }

    private static double loss(CausalLanguageModel model, long[] ids) {
        try (NDManager scope = model.manager().newSubManager()) {
            NDArray tokens = scope.create(ids, new Shape(1, ids.length));
            NDArray logits = model.logits(tokens).get(":, :-1");
            NDArray next = tokens.get(":, 1:").expandDims(-1);
            return -logits.logSoftmax(-1)
                    .gather(next, -1)
                    .toType(DataType.FLOAT64, false)
                    .mean()
                    .getDouble();
        }
    }

    private static void check(CausalLanguageModel model, long[] ids, int window) {
        if (window < 2 || window > model.maxPositions()) {
            throw new IllegalArgumentException(
                    "window of " + window + " tokens, allowed is 2 to " + model.maxPositions());
        }
        if (ids.length < window) {
            throw new IllegalArgumentException(
                    "text of " + ids.length + " tokens, allowed is at least a window of " + window);
        }
        for (long id : ids) {
            if (id < 0 || id >= model.vocabularySize()) {
                throw new IllegalArgumentException(
                        "token id " + id + ", allowed is 0 to " + (model.vocabularySize() - 1));
            }
        }
    }

    /**
     * Returns the perplexity.
     *
     * @return e to the power of the nats per token
     */
    public double perplexity() {
        return Math.exp(natsPerToken);
    }
}
