package org.djlflash.zoo.bert;

import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Block;
import ai.djl.nn.Parameter;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.djlflash.zoo.weights.WeightBinding;

/** How Hugging Face names the weights of BERT, and which of our parameters each one is. */
final class BertWeights {

    /** The prefix in checkpoints of models with a head. */
    static final String PREFIX = "bert.";

    private static final String POOLER = "pooler.dense";

    private final BertConfig config;
    private final String prefix;

    /** Checkpoints converted from TensorFlow keep its names of a normalisation's parameters. */
    private final boolean oldNorms;

    private final List<WeightBinding> bindings = new ArrayList<>();

    private BertWeights(BertConfig config, Set<String> names) {
        this.config = config;
        prefix = prefix(names);
        oldNorms = names.contains(prefix + "embeddings.LayerNorm.gamma");
    }

    private static String prefix(Set<String> names) {
        return names.stream().anyMatch(name -> name.startsWith(PREFIX)) ? PREFIX : "";
    }

    /** Tells whether a tensor may be in a checkpoint without being a parameter of ours. */
    static boolean isDerived(String name) {
        return name.endsWith("embeddings.position_ids");
    }

    /** Tells whether a checkpoint has a pooler. */
    static boolean hasPooler(Set<String> names) {
        return names.contains(prefix(names) + POOLER + ".weight");
    }

    /**
     * Lists the weights of a block.
     *
     * @param names the names in the checkpoint
     */
    static List<WeightBinding> bindings(BertBlock block, Set<String> names) {
        BertWeights weights = new BertWeights(block.config(), names);
        weights.addAll(block);
        return weights.bindings;
    }

    private void addAll(BertBlock block) {
        addEmbedding("word", block.tokenEmbedding(), config.vocabularySize());
        addEmbedding("position", block.positionEmbedding(), config.maxPositions());
        addEmbedding("token_type", block.typeEmbedding(), config.typeCount());
        addNorm("embeddings.LayerNorm", block.embeddingNorm());
        int width = config.hiddenSize();
        for (int i = 0; i < block.layers().size(); i++) {
            BertLayer layer = block.layers().get(i);
            String name = "encoder.layer." + i + ".";
            addLinear(name + "attention.self.query", layer.query(), width, width);
            addLinear(name + "attention.self.key", layer.key(), width, width);
            addLinear(name + "attention.self.value", layer.value(), width, width);
            addLinear(name + "attention.output.dense", layer.attentionOutput(), width, width);
            addNorm(name + "attention.output.LayerNorm", layer.attentionNorm());
            addLinear(name + "intermediate.dense", layer.innerInput(), config.innerSize(), width);
            addLinear(name + "output.dense", layer.innerOutput(), width, config.innerSize());
            addNorm(name + "output.LayerNorm", layer.innerNorm());
        }
        if (block.hasPooler()) {
            addLinear(POOLER, block.pooler(), width, width);
        }
    }

    private void add(String name, Parameter parameter, long... shape) {
        bindings.add(new WeightBinding(prefix + name, parameter, new Shape(shape), false));
    }

    private void addEmbedding(String name, Parameter parameter, long rows) {
        add("embeddings." + name + "_embeddings.weight", parameter, rows, config.hiddenSize());
    }

    private void addNorm(String name, Block norm) {
        String gamma = oldNorms ? ".gamma" : ".weight";
        String beta = oldNorms ? ".beta" : ".bias";
        add(name + gamma, parameter(norm, "gamma"), config.hiddenSize());
        add(name + beta, parameter(norm, "beta"), config.hiddenSize());
    }

    private void addLinear(String name, Block linear, long outputs, long inputs) {
        add(name + ".weight", parameter(linear, "weight"), outputs, inputs);
        add(name + ".bias", parameter(linear, "bias"), outputs);
    }

    private static Parameter parameter(Block block, String name) {
        return block.getDirectParameters().get(name);
    }
}
