package org.djlflash.zoo.gpt2;

import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Block;
import ai.djl.nn.Parameter;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;
import org.djlflash.zoo.weights.WeightBinding;

/** How Hugging Face names the weights of GPT-2, and which of our parameters each one is. */
final class Gpt2Weights {

    /** Causal masks, which some checkpoints store, and the copy of a tied embedding. */
    private static final Pattern DERIVED =
            Pattern.compile(
                    "(transformer\\.)?h\\.\\d+\\.attn\\.(bias|masked_bias)|lm_head\\.weight");

    private static final String PREFIX = "transformer.";

    private final Gpt2Config config;
    private final String prefix;
    private final List<WeightBinding> bindings = new ArrayList<>();

    private Gpt2Weights(Gpt2Config config, String prefix) {
        this.config = config;
        this.prefix = prefix;
    }

    /** Tells whether a tensor may be in a checkpoint without being a parameter of ours. */
    static boolean isDerived(String name) {
        return DERIVED.matcher(name).matches();
    }

    /**
     * Lists the weights of a block.
     *
     * @param names the names in the checkpoint: the first GPT-2 ones lack the common prefix
     */
    static List<WeightBinding> bindings(Gpt2Block block, Set<String> names) {
        boolean prefixed = names.stream().anyMatch(name -> name.startsWith(PREFIX));
        Gpt2Weights weights = new Gpt2Weights(block.config(), prefixed ? PREFIX : "");
        weights.addAll(block);
        return weights.bindings;
    }

    private void addAll(Gpt2Block block) {
        long width = config.embeddingSize();
        add("wte.weight", block.tokenEmbedding(), config.vocabularySize(), width);
        add("wpe.weight", block.positionEmbedding(), config.maxPositions(), width);
        for (int i = 0; i < block.layers().size(); i++) {
            Gpt2Layer layer = block.layers().get(i);
            String name = "h." + i + ".";
            addNorm(name + "ln_1", layer.attentionNorm());
            addLinear(name + "attn.c_attn", layer.attentionInput(), 3 * width, width);
            addLinear(name + "attn.c_proj", layer.attentionOutput(), width, width);
            addNorm(name + "ln_2", layer.innerNorm());
            addLinear(name + "mlp.c_fc", layer.innerInput(), config.innerSize(), width);
            addLinear(name + "mlp.c_proj", layer.innerOutput(), width, config.innerSize());
        }
        addNorm("ln_f", block.outputNorm());
        if (!config.tieWordEmbeddings()) {
            Shape shape = new Shape(config.vocabularySize(), width);
            bindings.add(
                    new WeightBinding("lm_head.weight", block.outputEmbedding(), shape, false));
        }
    }

    private void add(String name, Parameter parameter, long... shape) {
        bindings.add(new WeightBinding(prefix + name, parameter, new Shape(shape), false));
    }

    private void addNorm(String name, Block norm) {
        add(name + ".weight", parameter(norm, "gamma"), config.embeddingSize());
        add(name + ".bias", parameter(norm, "beta"), config.embeddingSize());
    }

    /** GPT-2 stores its matrices as (inputs, outputs), DJL as (outputs, inputs). */
    private void addLinear(String name, Block linear, long outputs, long inputs) {
        bindings.add(
                new WeightBinding(
                        prefix + name + ".weight",
                        parameter(linear, "weight"),
                        new Shape(outputs, inputs),
                        true));
        add(name + ".bias", parameter(linear, "bias"), outputs);
    }

    private static Parameter parameter(Block block, String name) {
        return block.getDirectParameters().get(name);
    }
}
