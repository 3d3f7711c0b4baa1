package org.djlflash.zoo.llama;

import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Parameter;
import ai.djl.nn.core.Linear;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import org.djlflash.zoo.weights.WeightBinding;

/** How Hugging Face names the weights of Llama, and which of our parameters each one is. */
final class LlamaWeights {

    /** The frequencies, which some checkpoints store, and the copy of a tied embedding. */
    private static final Pattern DERIVED =
            Pattern.compile(
                    "model\\.layers\\.\\d+\\.self_attn\\.rotary_emb\\.inv_freq|lm_head\\.weight");

    private final LlamaConfig config;
    private final List<WeightBinding> bindings = new ArrayList<>();

    private LlamaWeights(LlamaConfig config) {
        this.config = config;
    }

    /** Tells whether a tensor may be in a checkpoint without being a parameter of ours. */
    static boolean isDerived(String name) {
        return DERIVED.matcher(name).matches();
    }

    /** Lists the weights of a block. */
    static List<WeightBinding> bindings(LlamaBlock block) {
        LlamaWeights weights = new LlamaWeights(block.config());
        weights.addAll(block);
        return weights.bindings;
    }

    private void addAll(LlamaBlock block) {
        long width = config.embeddingSize();
        add("model.embed_tokens.weight", block.tokenEmbedding(), config.vocabularySize(), width);
        for (int i = 0; i < block.layers().size(); i++) {
            addLayer("model.layers." + i + ".", block.layers().get(i));
        }
        add("model.norm.weight", block.outputNorm(), width);
        if (!config.tieWordEmbeddings()) {
            add("lm_head.weight", block.outputEmbedding(), config.vocabularySize(), width);
        }
    }

    private void addLayer(String name, LlamaLayer layer) {
        long width = config.embeddingSize();
        long queries = (long) config.heads() * config.headSize();
        long keys = (long) config.keyValueHeads() * config.headSize();
        long inner = config.innerSize();
        add(name + "input_layernorm.weight", layer.attentionNorm(), width);
        addLinear(name + "self_attn.q_proj", layer.query(), queries, width);
        addLinear(name + "self_attn.k_proj", layer.key(), keys, width);
        addLinear(name + "self_attn.v_proj", layer.value(), keys, width);
        addLinear(name + "self_attn.o_proj", layer.attentionOutput(), width, queries);
        add(name + "post_attention_layernorm.weight", layer.innerNorm(), width);
        addLinear(name + "mlp.gate_proj", layer.gate(), inner, width);
        addLinear(name + "mlp.up_proj", layer.innerInput(), inner, width);
        addLinear(name + "mlp.down_proj", layer.innerOutput(), width, inner);
    }

    private void addLinear(String name, Linear linear, long outputs, long inputs) {
        add(name + ".weight", linear.getDirectParameters().get("weight"), outputs, inputs);
        Parameter bias = linear.getDirectParameters().get("bias");
        if (bias != null) {
            add(name + ".bias", bias, outputs);
        }
    }

    private void add(String name, Parameter parameter, long... shape) {
        bindings.add(new WeightBinding(name, parameter, new Shape(shape), false));
    }
}
