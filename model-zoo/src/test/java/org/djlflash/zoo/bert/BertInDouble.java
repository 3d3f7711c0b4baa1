package org.djlflash.zoo.bert;

import ai.djl.ndarray.NDArray;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.stream.IntStream;

/**
 * BERT and its heads written down from their definition: plain loops, double precision, one text.
 * Weights have the names of a checkpoint of a model with a head.
 */
final class BertInDouble {

    private final BertConfig config;
    private final Map<String, double[]> weights = new HashMap<>();

    BertInDouble(BertConfig config, Map<String, NDArray> tensors) {
        this.config = config;
        tensors.forEach(
                (name, array) -> {
                    float[] values = array.toFloatArray();
                    double[] wide = new double[values.length];
                    Arrays.setAll(wide, i -> values[i]);
                    weights.put(name, wide);
                });
    }

    /** The logits of every token. */
    double[][] words(long[] ids, long[] types) {
        double[][] logits = hidden(ids, types);
        String table =
                weights.containsKey("cls.predictions.decoder.weight")
                        ? "cls.predictions.decoder.weight"
                        : "bert.embeddings.word_embeddings.weight";
        for (int t = 0; t < ids.length; t++) {
            double[] inner = linear("cls.predictions.transform.dense", logits[t]);
            double[] normed =
                    norm(
                            "cls.predictions.transform.LayerNorm",
                            Arrays.stream(inner).map(BertInDouble::gelu).toArray());
            logits[t] = times(weights.get(table), normed, weights.get("cls.predictions.bias"));
        }
        return logits;
    }

    /** The logits of the labels. */
    double[] labels(long[] ids, long[] types) {
        double[] first = hidden(ids, types)[0];
        double[] pooled =
                Arrays.stream(linear("bert.pooler.dense", first)).map(Math::tanh).toArray();
        return linear("classifier", pooled);
    }

    private double[][] hidden(long[] ids, long[] types) {
        double[][] hidden = new double[ids.length][];
        for (int t = 0; t < ids.length; t++) {
            double[] word = row("word", ids[t]);
            double[] type = row("token_type", types[t]);
            double[] place = row("position", t);
            double[] sum = new double[word.length];
            Arrays.setAll(sum, i -> word[i] + type[i] + place[i]);
            hidden[t] = norm("bert.embeddings.LayerNorm", sum);
        }
        for (int i = 0; i < config.layers(); i++) {
            hidden = layer("bert.encoder.layer." + i + ".", hidden);
        }
        return hidden;
    }

    private double[] row(String table, long index) {
        int width = config.hiddenSize();
        int start = (int) index * width;
        double[] all = weights.get("bert.embeddings." + table + "_embeddings.weight");
        return Arrays.copyOfRange(all, start, start + width);
    }

    private double[][] layer(String name, double[][] input) {
        int tokens = input.length;
        double[][] query = new double[tokens][];
        double[][] key = new double[tokens][];
        double[][] value = new double[tokens][];
        for (int t = 0; t < tokens; t++) {
            query[t] = linear(name + "attention.self.query", input[t]);
            key[t] = linear(name + "attention.self.key", input[t]);
            value[t] = linear(name + "attention.self.value", input[t]);
        }
        double[][] output = new double[tokens][];
        for (int t = 0; t < tokens; t++) {
            double[] attended = attend(query[t], key, value);
            double[] middle =
                    norm(
                            name + "attention.output.LayerNorm",
                            sum(input[t], linear(name + "attention.output.dense", attended)));
            double[] inner =
                    Arrays.stream(linear(name + "intermediate.dense", middle))
                            .map(BertInDouble::gelu)
                            .toArray();
            output[t] =
                    norm(
                            name + "output.LayerNorm",
                            sum(middle, linear(name + "output.dense", inner)));
        }
        return output;
    }

    private double[] attend(double[] query, double[][] keys, double[][] values) {
        int size = config.hiddenSize() / config.heads();
        double[] attended = new double[config.hiddenSize()];
        for (int head = 0; head < config.heads(); head++) {
            int start = head * size;
            double[] shares =
                    IntStream.range(0, keys.length)
                            .mapToDouble(
                                    t ->
                                            Math.exp(
                                                    dot(query, keys[t], start, size)
                                                            / Math.sqrt(size)))
                            .toArray();
            double all = Arrays.stream(shares).sum();
            for (int t = 0; t < values.length; t++) {
                for (int i = start; i < start + size; i++) {
                    attended[i] += shares[t] / all * values[t][i];
                }
            }
        }
        return attended;
    }

    private static double dot(double[] a, double[] b, int start, int size) {
        double sum = 0;
        for (int i = start; i < start + size; i++) {
            sum += a[i] * b[i];
        }
        return sum;
    }

    private double[] linear(String name, double[] input) {
        return times(weights.get(name + ".weight"), input, weights.get(name + ".bias"));
    }

    private static double[] times(double[] matrix, double[] input, double[] bias) {
        double[] output = new double[bias.length];
        for (int o = 0; o < output.length; o++) {
            double sum = bias[o];
            for (int i = 0; i < input.length; i++) {
                sum += matrix[o * input.length + i] * input[i];
            }
            output[o] = sum;
        }
        return output;
    }

    private static double[] sum(double[] a, double[] b) {
        double[] sum = new double[a.length];
        Arrays.setAll(sum, i -> a[i] + b[i]);
        return sum;
    }

    private double[] norm(String name, double[] input) {
        double mean = Arrays.stream(input).average().orElseThrow();
        double variance =
                Arrays.stream(input).map(x -> (x - mean) * (x - mean)).average().orElseThrow();
        double[] gamma = weights.get(name + ".weight");
        double[] beta = weights.get(name + ".bias");
        double[] output = new double[input.length];
        Arrays.setAll(
                output,
                i ->
                        (input[i] - mean)
                                        / Math.sqrt(variance + config.layerNormEpsilon())
                                        * gamma[i]
                                + beta[i]);
        return output;
    }

    private static double gelu(double x) {
        return x / 2 * (1 + erf(x / Math.sqrt(2)));
    }

    /** Taylor's series, with 1 or -1 where it would lose its digits. */
    private static double erf(double x) {
        if (Math.abs(x) > 5) {
            return Math.signum(x);
        }
        double power = x;
        double sum = x;
        for (int n = 1; n < 200; n++) {
            power *= -x * x / n;
            sum += power / (2 * n + 1);
        }
        return 2 / Math.sqrt(Math.PI) * sum;
    }
}
