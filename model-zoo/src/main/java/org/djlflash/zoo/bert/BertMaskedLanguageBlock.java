package org.djlflash.zoo.bert;

import ai.djl.MalformedModelException;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Activation;
import ai.djl.nn.Parameter;
import ai.djl.nn.core.Linear;
import ai.djl.nn.norm.LayerNorm;
import ai.djl.training.ParameterStore;
import ai.djl.util.Progress;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.djlflash.train.Precision;
import org.djlflash.zoo.ConfigFile;
import org.djlflash.zoo.Layers;
import org.djlflash.zoo.weights.WeightBinding;

/**
 * BERT that tells the word behind every token ({@code BertForMaskedLM}); trainable as every DJL
 * block.
 *
 * <p>Inputs: those of {@link BertBlock}. Output: logits, FLOAT32, shape (B, T, vocabulary).
 *
 * @see <a href="https://arxiv.org/abs/1810.04805">Devlin et al., BERT, section 3.1, task 1</a>
 */
public final class BertMaskedLanguageBlock extends BertHeadBlock {

    private static final String HEAD = "cls.predictions.";
    private static final String DECODER = HEAD + "decoder.weight";

    private final Linear transform;
    private final LayerNorm norm;

    /** That of the tokens, if the two are tied. */
    private final Parameter outputEmbedding;

    private final Parameter outputBias;

    /**
     * Creates a block without weights.
     *
     * @param config its shape
     * @param tied whether the output layer shares its weight with the embedding of the tokens
     */
    public BertMaskedLanguageBlock(BertConfig config, boolean tied) {
        super(new BertBlock(config, false));
        transform = addChildBlock("transform", Layers.linear(config.hiddenSize()));
        norm = addChildBlock("norm", Layers.norm(config.layerNormEpsilon()));
        outputEmbedding =
                tied
                        ? bert().tokenEmbedding()
                        : parameter(
                                "outputEmbedding",
                                Parameter.Type.WEIGHT,
                                config.vocabularySize(),
                                config.hiddenSize());
        outputBias = parameter("outputBias", Parameter.Type.BIAS, config.vocabularySize());
    }

    private Parameter parameter(String name, Parameter.Type type, long... shape) {
        return addParameter(
                Parameter.builder().setName(name).setType(type).optShape(new Shape(shape)).build());
    }

    /**
     * Loads the block of a Hugging Face folder.
     *
     * @param folder the folder
     * @param manager the manager of the weights
     * @param dataType the type of the weights, FLOAT32 or FLOAT16
     * @param progress what is told of the progress, or null
     * @return the block, initialised
     * @throws IllegalArgumentException if the type is another one
     * @throws MalformedModelException if the folder does not hold such a BERT
     * @throws IOException if a file cannot be read
     */
    public static BertMaskedLanguageBlock load(
            Path folder, NDManager manager, DataType dataType, Progress progress)
            throws IOException, MalformedModelException {
        boolean tied = ConfigFile.read(folder).optBoolean("tie_word_embeddings", true);
        BertMaskedLanguageBlock block = new BertMaskedLanguageBlock(BertConfig.read(folder), tied);
        block.loadWeights(folder, manager, dataType, progress);
        return block;
    }

    private boolean isTied() {
        return outputEmbedding == bert().tokenEmbedding();
    }

    @Override
    List<WeightBinding> headBindings(Set<String> names) {
        BertConfig config = bert().config();
        List<WeightBinding> bindings = new ArrayList<>();
        BertWeights head = BertWeights.withPrefix(HEAD, names, bindings);
        head.addLinear("transform.dense", transform, config.hiddenSize(), config.hiddenSize());
        head.addNorm("transform.LayerNorm", norm, config.hiddenSize());
        if (!isTied()) {
            head.add(
                    "decoder.weight",
                    outputEmbedding,
                    config.vocabularySize(),
                    config.hiddenSize());
        }
        // One parameter under two names, of which a file may have either.
        String bias = names.contains(HEAD + "decoder.bias") ? "decoder.bias" : "bias";
        head.add(bias, outputBias, config.vocabularySize());
        return bindings;
    }

    @Override
    boolean isLeftOut(String name) {
        return name.startsWith("cls.seq_relationship.")
                || name.startsWith(BertWeights.PREFIX + "pooler.")
                || name.equals(HEAD + "bias")
                || name.equals(DECODER) && isTied();
    }

    @Override
    NDArray head(ParameterStore ps, NDList outputs, boolean training) {
        NDArray hidden = outputs.head();
        NDArray inner = Activation.gelu(Precision.linear(transform, ps, hidden, training));
        NDArray normed = Layers.call(norm, ps, Precision.raise(ps, inner), training);
        return Linear.linear(
                        Precision.lower(ps, normed),
                        Precision.value(ps, outputEmbedding, hidden.getDevice(), training),
                        Precision.value(ps, outputBias, hidden.getDevice(), training))
                .singletonOrThrow();
    }

    @Override
    public Shape[] getOutputShapes(Shape[] inputShapes) {
        return new Shape[] {inputShapes[0].add(bert().config().vocabularySize())};
    }

    @Override
    protected void initializeChildBlocks(
            NDManager manager, DataType dataType, Shape... inputShapes) {
        super.initializeChildBlocks(manager, dataType, inputShapes);
        Shape hidden = inputShapes[0].add(bert().config().hiddenSize());
        transform.initialize(manager, dataType, hidden);
        norm.initialize(manager, dataType, hidden);
    }
}
