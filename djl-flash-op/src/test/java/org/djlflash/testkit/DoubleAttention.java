package org.djlflash.testkit;

/**
 * Attention and its gradients in double precision, written loop by loop after the definition and
 * independent of every backend.
 *
 * <p>Arrays are row-major: queries, output and its gradient (B, N, T, H), keys and values (B, key
 * heads, F, H), bias and its gradient (B, N, T, F).
 */
public final class DoubleAttention {

    /** Who sees whom. */
    public interface Visibility {

        /**
         * Tells whether a query sees a key.
         *
         * @param batch the batch row
         * @param head the query head
         * @param query the query
         * @param key the key
         * @return true if it does
         */
        boolean sees(int batch, int head, int query, int key);
    }

    private final int batch;
    private final int heads;
    private final int keyHeads;
    private final int queries;
    private final int keys;
    private final int headSize;
    private final double scale;
    private final Visibility visibility;
    private final double[] bias;

    /** The outcome of {@link #run}. */
    public record Result(
            double[] output, double[] query, double[] key, double[] value, double[] bias) {}

    /**
     * Describes a problem.
     *
     * @param batch B
     * @param heads N
     * @param keyHeads the number of key heads
     * @param queries T
     * @param keys F
     * @param headSize H
     * @param scale the factor of the scores
     * @param visibility who sees whom
     * @param bias what is added to the scores, or null
     */
    public DoubleAttention(
            int batch,
            int heads,
            int keyHeads,
            int queries,
            int keys,
            int headSize,
            double scale,
            Visibility visibility,
            double[] bias) {
        this.batch = batch;
        this.heads = heads;
        this.keyHeads = keyHeads;
        this.queries = queries;
        this.keys = keys;
        this.headSize = headSize;
        this.scale = scale;
        this.visibility = visibility;
        this.bias = bias;
    }

    /**
     * Computes output and gradients.
     *
     * @param q the queries
     * @param k the keys
     * @param v the values
     * @param outputGradient the gradient of the output
     * @return output and gradients
     */
    public Result run(double[] q, double[] k, double[] v, double[] outputGradient) {
        Result result =
                new Result(
                        new double[q.length],
                        new double[q.length],
                        new double[k.length],
                        new double[v.length],
                        new double[batch * heads * queries * keys]);
        for (int b = 0; b < batch; b++) {
            for (int n = 0; n < heads; n++) {
                for (int t = 0; t < queries; t++) {
                    row(b, n, t, q, k, v, outputGradient, result);
                }
            }
        }
        return result;
    }

    private void row(
            int b,
            int n,
            int t,
            double[] q,
            double[] k,
            double[] v,
            double[] outputGradient,
            Result result) {
        int qRow = ((b * heads + n) * queries + t) * headSize;
        int kBase = (b * keyHeads + n / (heads / keyHeads)) * keys * headSize;
        int biasRow = ((b * heads + n) * queries + t) * keys;
        double[] p = probabilities(b, n, t, q, k, qRow, kBase, biasRow);

        double[] dp = new double[keys];
        double mean = 0;
        for (int f = 0; f < keys; f++) {
            if (p[f] == 0) {
                continue;
            }
            for (int h = 0; h < headSize; h++) {
                double value = v[kBase + f * headSize + h];
                double gradient = outputGradient[qRow + h];
                result.output[qRow + h] += p[f] * value;
                result.value[kBase + f * headSize + h] += p[f] * gradient;
                dp[f] += gradient * value;
            }
            mean += p[f] * dp[f];
        }
        for (int f = 0; f < keys; f++) {
            if (p[f] == 0) {
                continue;
            }
            double ds = p[f] * (dp[f] - mean);
            result.bias[biasRow + f] = ds;
            for (int h = 0; h < headSize; h++) {
                result.query[qRow + h] += scale * ds * k[kBase + f * headSize + h];
                result.key[kBase + f * headSize + h] += scale * ds * q[qRow + h];
            }
        }
    }

    /** The softmax over the keys that are seen; all 0 if none is. */
    private double[] probabilities(
            int b, int n, int t, double[] q, double[] k, int qRow, int kBase, int biasRow) {
        double[] p = new double[keys];
        double max = Double.NEGATIVE_INFINITY;
        for (int f = 0; f < keys; f++) {
            p[f] = Double.NEGATIVE_INFINITY;
            if (visibility.sees(b, n, t, f)) {
                double score = 0;
                for (int h = 0; h < headSize; h++) {
                    score += q[qRow + h] * k[kBase + f * headSize + h];
                }
                p[f] = score * scale + (bias == null ? 0 : bias[biasRow + f]);
                max = Math.max(max, p[f]);
            }
        }
        double sum = 0;
        for (int f = 0; f < keys; f++) {
            p[f] = p[f] == Double.NEGATIVE_INFINITY ? 0 : Math.exp(p[f] - max);
            sum += p[f];
        }
        for (int f = 0; f < keys && sum > 0; f++) {
            p[f] /= sum;
        }
        return p;
    }
}
