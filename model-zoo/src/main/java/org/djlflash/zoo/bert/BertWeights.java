package org.djlflash.zoo.bert;

import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Block;
import ai.djl.nn.Parameter;
import ai.djl.util.Progress;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.function.Predicate;
import org.djlflash.zoo.weights.WeightBinding;
import org.djlflash.zoo.weights.WeightLoader;

/** How Hugging Face names the weights of BERT, and which of our parameters each one is. */
final class BertWeights {

    /** The prefix in checkpoints of models with a head. */
    static final String PREFIX = "bert.";

    private static final String POOLER = "pooler.dense";

    private final String prefix;

    /** Checkpoints converted from TensorFlow keep its names of a normalisation's parameters. */
    private final boolean oldNorms;

    private final List<WeightBinding> bindings;

    private BertWeights(String prefix, boolean oldNorms, List<WeightBinding> bindings) {
        this.prefix = prefix;
        this.oldNorms = oldNorms;
        this.bindings = bindings;
    }

    /**
     * Starts a list of weights.
     *
     * @param prefix what all their names begin with
     * @param names the names in the checkpoint
     * @param bindings where they are put
     */
    static BertWeights withPrefix(String prefix, Set<String> names, List<WeightBinding> bindings) {
        boolean oldNorms = names.stream().anyMatch(name -> name.endsWith(".LayerNorm.gamma"));
        return new BertWeights(prefix, oldNorms, bindings);
    }

    private static String prefix(Set<String> names) {
        return names.stream().anyMatch(name -> name.startsWith(PREFIX)) ? PREFIX : "";
    }

    /**
     * Creates a loader.
     *
     * @param leftOut tells whether a tensor may be in the checkpoint without being a parameter
     */
    static WeightLoader loader(DataType dataType, Progress progress, Predicate<String> leftOut) {
        return WeightLoader.builder()
                .optDataType(dataType)
                .optIgnored(leftOut.or(name -> name.endsWith("embeddings.position_ids")))
                .optProgress(progress)
                .build();
    }

    /** Tells whether a tensor is one of the pooler's. */
    static boolean isOfPooler(String name) {
        return name.contains(POOLER);
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
        List<WeightBinding> bindings = new ArrayList<>();
        withPrefix(prefix(names), names, bindings).addAll(block);
        return bindings;
    }

    private void addAll(BertBlock block) {
        BertConfig config = block.config();
        int width = config.hiddenSize();
        addEmbedding("word", block.tokenEmbedding(), config.vocabularySize(), width);
        addEmbedding("position", block.positionEmbedding(), config.maxPositions(), width);
        addEmbedding("token_type", block.typeEmbedding(), config.typeCount(), width);
        addNorm("embeddings.LayerNorm", block.embeddingNorm(), width);
        for (int i = 0; i < block.layers().size(); i++) {
            BertLayer layer = block.layers().get(i);
            String name = "encoder.layer." + i + ".";
            addLinear(name + "attention.self.query", layer.query(), width, width);
            addLinear(name + "attention.self.key", layer.key(), width, width);
            addLinear(name + "attention.self.value", layer.value(), width, width);
            addLinear(name + "attention.output.dense", layer.attentionOutput(), width, width);
            addNorm(name + "attention.output.LayerNorm", layer.attentionNorm(), width);
            addLinear(name + "intermediate.dense", layer.innerInput(), config.innerSize(), width);
            addLinear(name + "output.dense", layer.innerOutput(), width, config.innerSize());
            addNorm(name + "output.LayerNorm", layer.innerNorm(), width);
        }
        if (block.hasPooler()) {
            addLinear(POOLER, block.pooler(), width, width);
        }
    }

    void add(String name, Parameter parameter, long... shape) {
        bindings.add(new WeightBinding(prefix + name, parameter, new Shape(shape), false));
    }

    private void addEmbedding(String name, Parameter parameter, long rows, long width) {
        add("embeddings." + name + "_embeddings.weight", parameter, rows, width);
    }

    void addNorm(String name, Block norm, long width) {
        String gamma = oldNorms ? ".gamma" : ".weight";
        String beta = oldNorms ? ".beta" : ".bias";
        add(name + gamma, parameter(norm, "gamma"), width);
        add(name + beta, parameter(norm, "beta"), width);
    }

    void addLinear(String name, Block linear, long outputs, long inputs) {
        add(name + ".weight", parameter(linear, "weight"), outputs, inputs);
        add(name + ".bias", parameter(linear, "bias"), outputs);
    }

    private static Parameter parameter(Block block, String name) {
        return block.getDirectParameters().get(name);
    }
}
