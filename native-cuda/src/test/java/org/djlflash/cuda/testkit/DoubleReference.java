package org.djlflash.cuda.testkit;

import java.util.Arrays;
import java.util.stream.IntStream;
import org.djlflash.cuda.plan.AttentionShape;

/**
 * Attention and its gradients by the textbook, in double precision: the specification. With a lower
 * precision every intermediate result is rounded, as an unfused implementation would: the yardstick
 * for errors. All arrays are [B, H, rows, columns] without gaps.
 */
public final class DoubleReference {

    private final AttentionCase attention;
    private final AttentionShape shape;
    private final Precision precision;
    private final Inputs inputs;

    /** The output, [B, query heads, T, D]. */
    public final double[] output;

    /** The log-sum-exp of the scores, [B, query heads, T]; minus infinity for an empty row. */
    public final double[] logSumExp;

    /** The gradient of the query. */
    public final double[] queryGradient;

    /** The gradient of the key, summed over the query heads that share it. */
    public final double[] keyGradient;

    /** The gradient of the value, summed over the query heads that share it. */
    public final double[] valueGradient;

    /**
     * What attention works on. Numbers where no query looks may be NaN.
     *
     * @param query the query
     * @param key the key
     * @param value the value
     * @param bias [B, query heads, T, F], null without
     * @param kept [B, query heads, T, F], 1 or 0, null without dropout
     * @param outputGradient the gradient of the output, null without gradients
     */
    public record Inputs(
            double[] query,
            double[] key,
            double[] value,
            double[] bias,
            byte[] kept,
            double[] outputGradient) {}

    /**
     * Computes everything.
     *
     * @param attention the case
     * @param inputs the numbers
     * @param precision how it rounds
     */
    public DoubleReference(AttentionCase attention, Inputs inputs, Precision precision) {
        this.attention = attention;
        this.shape = attention.problem().shape();
        this.precision = precision;
        this.inputs = inputs;
        this.output = new double[inputs.query.length];
        this.logSumExp = new double[Math.toIntExact(shape.rows())];
        this.queryGradient = new double[inputs.query.length];
        this.keyGradient = new double[inputs.key.length];
        this.valueGradient = new double[inputs.value.length];
        // One task a key head: the query heads that share it add to the same gradients.
        IntStream.range(0, shape.batch() * shape.keyHeads())
                .parallel()
                .forEach(this::computeKeyHead);
        if (inputs.outputGradient != null) {
            round(keyGradient);
            round(valueGradient);
        }
    }

    private void computeKeyHead(int index) {
        int b = index / shape.keyHeads();
        int group = shape.queryHeads() / shape.keyHeads();
        int first = index % shape.keyHeads() * group;
        for (int h = first; h < first + group; h++) {
            for (int i = 0; i < shape.queries(); i++) {
                computeRow(b, i, (b * shape.queryHeads() + h) * shape.queries() + i, index);
            }
        }
    }

    private void computeRow(int b, int i, int row, int keyHead) {
        int d = shape.headSize();
        int keys = shape.keys();
        double[] weights = new double[keys];
        double maximum = Double.NEGATIVE_INFINITY;
        for (int j = 0; j < keys; j++) {
            weights[j] = Double.NEGATIVE_INFINITY;
            if (attention.sees(b, i, j)) {
                double score =
                        precision.result(dot(inputs.query, row, inputs.key, keyHead * keys + j));
                score = precision.result(score * attention.problem().scale());
                if (inputs.bias != null) {
                    score = precision.result(score + inputs.bias[row * keys + j]);
                }
                weights[j] = score;
                maximum = Math.max(maximum, score);
            }
        }
        if (maximum == Double.NEGATIVE_INFINITY) {
            logSumExp[row] = maximum;
            return;
        }
        double sum = 0;
        for (int j = 0; j < keys; j++) {
            weights[j] = Math.exp(weights[j] - maximum);
            sum += weights[j];
            sum = precision.roundsSums() ? (float) sum : sum;
        }
        logSumExp[row] = maximum + Math.log(sum);
        double[] dropped = new double[keys];
        for (int j = 0; j < keys; j++) {
            weights[j] = precision.result(weights[j] / sum);
            dropped[j] = precision.result(weights[j] * keepFactor(row * keys + j));
            if (attention.sees(b, i, j)) {
                add(output, row, dropped[j], inputs.value, keyHead * keys + j);
            }
        }
        for (int c = 0; c < d; c++) {
            output[row * d + c] = precision.result(output[row * d + c]);
        }
        if (inputs.outputGradient != null) {
            computeGradients(b, i, row, keyHead, weights, dropped);
        }
    }

    private void computeGradients(
            int b, int i, int row, int keyHead, double[] weights, double[] dropped) {
        int keys = shape.keys();
        double scale = attention.problem().scale();
        double[] weightGradients = new double[keys];
        for (int j = 0; j < keys; j++) {
            if (attention.sees(b, i, j)) {
                double gradient = dot(inputs.outputGradient, row, inputs.value, keyHead * keys + j);
                gradient =
                        precision.result(precision.result(gradient) * keepFactor(row * keys + j));
                weightGradients[j] = gradient;
            }
        }
        double mean = mean(row, weights, weightGradients);
        for (int j = 0; j < keys; j++) {
            if (attention.sees(b, i, j)) {
                int key = keyHead * keys + j;
                double scoreGradient = precision.result(weights[j] * (weightGradients[j] - mean));
                add(queryGradient, row, scoreGradient * scale, inputs.key, key);
                add(keyGradient, key, scoreGradient * scale, inputs.query, row);
                add(valueGradient, key, dropped[j], inputs.outputGradient, row);
            }
        }
        int d = shape.headSize();
        for (int c = 0; c < d; c++) {
            queryGradient[row * d + c] = precision.result(queryGradient[row * d + c]);
        }
    }

    /**
     * The mean gradient of a row's weights. Where sums round, from the output and in another order
     * than the gradients, as implementations that keep no weights do: what cancels leaves a rest.
     */
    private double mean(int row, double[] weights, double[] weightGradients) {
        if (precision.roundsSums()) {
            float mean = 0;
            for (int c = shape.headSize() - 1; c >= 0; c--) {
                int at = row * shape.headSize() + c;
                mean += (float) (output[at] * inputs.outputGradient[at]);
            }
            return mean;
        }
        double mean = 0;
        for (int j = 0; j < weights.length; j++) {
            mean += weights[j] * weightGradients[j];
        }
        return mean;
    }

    private double keepFactor(int index) {
        return inputs.kept == null ? 1 : inputs.kept[index] * attention.problem().keepScale();
    }

    private double dot(double[] a, int rowOfA, double[] b, int rowOfB) {
        int d = shape.headSize();
        double sum = 0;
        for (int c = 0; c < d; c++) {
            sum += a[rowOfA * d + c] * b[rowOfB * d + c];
            sum = precision.roundsSums() ? (float) sum : sum;
        }
        return sum;
    }

    private void add(double[] sums, int row, double factor, double[] terms, int rowOfTerms) {
        int d = shape.headSize();
        for (int c = 0; c < d; c++) {
            int at = row * d + c;
            sums[at] += factor * terms[rowOfTerms * d + c];
            sums[at] = precision.roundsSums() ? (float) sums[at] : sums[at];
        }
    }

    private void round(double[] array) {
        Arrays.setAll(array, i -> precision.result(array[i]));
    }
}
