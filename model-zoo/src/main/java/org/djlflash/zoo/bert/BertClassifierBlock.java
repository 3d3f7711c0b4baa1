package org.djlflash.zoo.bert;

import ai.djl.MalformedModelException;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Parameter;
import ai.djl.nn.core.Linear;
import ai.djl.training.ParameterStore;
import ai.djl.training.initializer.NormalInitializer;
import ai.djl.util.Progress;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.djlflash.zoo.Layers;
import org.djlflash.zoo.weights.WeightBinding;

/**
 * BERT that tells the class of a text ({@code BertForSequenceClassification}); trainable as every
 * DJL block.
 *
 * <p>Inputs: those of {@link BertBlock}. Output: logits, FLOAT32, shape (B, labels).
 *
 * @see <a href="https://arxiv.org/abs/1810.04805">Devlin et al., BERT, section 4.1</a>
 */
public final class BertClassifierBlock extends BertHeadBlock {

    /** The standard deviation of weights that nothing is known of, as BERT has it. */
    private static final float NEW_WEIGHTS = 0.02f;

    private final ClassifierConfig labels;
    private final Linear classifier;

    /**
     * Creates a block without weights.
     *
     * @param config its shape
     * @param labels its labels
     */
    public BertClassifierBlock(BertConfig config, ClassifierConfig labels) {
        super(new BertBlock(config, true));
        this.labels = labels;
        classifier = addChildBlock("classifier", Layers.linear(labels.names().size()));
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
    public static BertClassifierBlock load(
            Path folder, NDManager manager, DataType dataType, Progress progress)
            throws IOException, MalformedModelException {
        BertConfig config = BertConfig.read(folder);
        BertClassifierBlock block =
                new BertClassifierBlock(
                        config, ClassifierConfig.read(folder, config.hiddenDropout()));
        block.loadWeights(folder, manager, dataType, progress);
        return block;
    }

    /**
     * Makes a block to be trained: a BERT with a head whose weights are random.
     *
     * @param folder the Hugging Face folder of the BERT
     * @param weights whether the BERT's weights are those of the folder; else they are random, and
     *     so is a pooler that the folder has none of
     * @param names the names of the labels
     * @param manager the manager of the weights
     * @param progress what is told of the progress, or null
     * @return the block, initialised, in FLOAT32
     * @throws MalformedModelException if the folder does not hold a BERT that is supported
     * @throws IOException if a file cannot be read
     */
    public static BertClassifierBlock withNewHead(
            Path folder, boolean weights, List<String> names, NDManager manager, Progress progress)
            throws IOException, MalformedModelException {
        BertConfig config = BertConfig.read(folder);
        ClassifierConfig labels =
                new ClassifierConfig(
                        names, ClassifierConfig.Scoring.SINGLE_LABEL, config.hiddenDropout());
        BertClassifierBlock block = new BertClassifierBlock(config, labels);
        if (weights) {
            block.loadBert(folder, manager, progress);
        }
        block.setInitializer(new NormalInitializer(NEW_WEIGHTS), Parameter.Type.WEIGHT);
        block.initialize(manager, DataType.FLOAT32, new Shape(1, 1));
        return block;
    }

    /**
     * Returns the labels.
     *
     * @return the labels, in the order of the logits
     */
    public ClassifierConfig labels() {
        return labels;
    }

    @Override
    List<WeightBinding> headBindings(Set<String> names) {
        List<WeightBinding> bindings = new ArrayList<>();
        BertWeights.withPrefix("", names, bindings)
                .addLinear(
                        "classifier",
                        classifier,
                        labels.names().size(),
                        bert().config().hiddenSize());
        return bindings;
    }

    @Override
    boolean isLeftOut(String name) {
        return name.startsWith("cls.");
    }

    @Override
    NDArray head(ParameterStore ps, NDList outputs, boolean training) {
        NDArray pooled = Layers.dropout(outputs.get(1), labels.dropout(), training);
        return Layers.call(classifier, ps, pooled, training);
    }

    @Override
    public Shape[] getOutputShapes(Shape[] inputShapes) {
        return new Shape[] {new Shape(inputShapes[0].get(0), labels.names().size())};
    }

    @Override
    protected void initializeChildBlocks(
            NDManager manager, DataType dataType, Shape... inputShapes) {
        super.initializeChildBlocks(manager, dataType, inputShapes);
        classifier.initialize(
                manager, dataType, new Shape(inputShapes[0].get(0), bert().config().hiddenSize()));
    }
}
