package org.djlflash.zoo.llama;

import ai.djl.ndarray.NDArray;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import org.djlflash.zoo.weights.WeightBinding;

/** Llama written down from its definition: plain loops, double precision, one text, no cache. */
final class LlamaInDouble {

    private final LlamaConfig config;
    private final Map<String, double[]> weights = new HashMap<>();

    LlamaInDouble(LlamaBlock block) {
        config = block.config();
        for (WeightBinding binding : LlamaWeights.bindings(block)) {
            NDArray array = binding.parameter().getArray();
            float[] values = array.toFloatArray();
            double[] wide = new double[values.length];
            Arrays.setAll(wide, i -> values[i]);
            weights.put(binding.tensorName(), wide);
        }
    }

    /** Returns the logits after every token. */
    double[][] logits(long[] ids) {
        int width = config.embeddingSize();
        double[] embedding = weights.get("model.embed_tokens.weight");
        double[][] hidden = new double[ids.length][];
        for (int t = 0; t < ids.length; t++) {
            int row = (int) ids[t] * width;
            hidden[t] = Arrays.copyOfRange(embedding, row, row + width);
        }
        for (int i = 0; i < config.layers(); i++) {
            layer("model.layers." + i + ".", hidden);
        }
        String head = config.tieWordEmbeddings() ? "model.embed_tokens" : "lm_head";
        double[][] logits = new double[ids.length][];
        for (int t = 0; t < ids.length; t++) {
            logits[t] = linear(head, norm("model.norm", hidden[t]));
        }
        return logits;
    }

    private void layer(String name, double[][] hidden) {
        int heads = config.heads();
        int size = config.headSize();
        int group = heads / config.keyValueHeads();
        int tokens = hidden.length;
        double[][] q = new double[tokens][];
        double[][] k = new double[tokens][];
        double[][] v = new double[tokens][];
        for (int t = 0; t < tokens; t++) {
            double[] x = norm(name + "input_layernorm", hidden[t]);
            q[t] = turn(linear(name + "self_attn.q_proj", x), t);
            k[t] = turn(linear(name + "self_attn.k_proj", x), t);
            v[t] = linear(name + "self_attn.v_proj", x);
        }
        for (int t = 0; t < tokens; t++) {
            double[] attended = new double[heads * size];
            for (int n = 0; n < heads; n++) {
                double[] scores = new double[t + 1];
                double sum = 0;
                for (int f = 0; f <= t; f++) {
                    double dot = 0;
                    for (int h = 0; h < size; h++) {
                        dot += q[t][n * size + h] * k[f][n / group * size + h];
                    }
                    scores[f] = Math.exp(dot / Math.sqrt(size));
                    sum += scores[f];
                }
                for (int f = 0; f <= t; f++) {
                    for (int h = 0; h < size; h++) {
                        attended[n * size + h] += scores[f] / sum * v[f][n / group * size + h];
                    }
                }
            }
            add(hidden[t], linear(name + "self_attn.o_proj", attended));
            double[] x = norm(name + "post_attention_layernorm", hidden[t]);
            double[] gate = linear(name + "mlp.gate_proj", x);
            double[] up = linear(name + "mlp.up_proj", x);
            for (int i = 0; i < gate.length; i++) {
                gate[i] = gate[i] / (1 + Math.exp(-gate[i])) * up[i];
            }
            add(hidden[t], linear(name + "mlp.down_proj", gate));
        }
    }

    private double[] turn(double[] x, int position) {
        int size = config.headSize();
        float[] frequencies = config.rotary().frequencies(size);
        double[] turned = new double[x.length];
        for (int i = 0; i < x.length; i++) {
            int element = i % size;
            double angle = position * (double) frequencies[element % (size / 2)];
            double rotated = element < size / 2 ? -x[i + size / 2] : x[i - size / 2];
            turned[i] = x[i] * Math.cos(angle) + rotated * Math.sin(angle);
        }
        return turned;
    }

    private double[] norm(String name, double[] x) {
        double[] weight = weights.get(name + ".weight");
        double square = Arrays.stream(x).map(value -> value * value).average().orElseThrow();
        double[] normal = new double[x.length];
        Arrays.setAll(normal, i -> weight[i] * x[i] / Math.sqrt(square + config.normEpsilon()));
        return normal;
    }

    private double[] linear(String name, double[] x) {
        double[] weight = weights.get(name + ".weight");
        double[] bias = weights.get(name + ".bias");
        double[] y = bias == null ? new double[weight.length / x.length] : bias.clone();
        for (int i = 0; i < y.length; i++) {
            for (int j = 0; j < x.length; j++) {
                y[i] += weight[i * x.length + j] * x[j];
            }
        }
        return y;
    }

    private static void add(double[] sum, double[] more) {
        Arrays.setAll(sum, i -> sum[i] + more[i]);
    }
}
