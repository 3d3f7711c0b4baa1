package org.djlflash.examples.train;

import ai.djl.Device;
import ai.djl.MalformedModelException;
import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.training.ParameterStore;
import ai.djl.training.loss.Loss;
import ai.djl.util.Progress;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.stream.IntStream;
import org.djlflash.torch.GradMode;
import org.djlflash.torch.TorchLibrary;
import org.djlflash.train.CrossEntropyLoss;
import org.djlflash.zoo.bert.BertClassifierBlock;

/**
 * Trains a BERT with a new head to tell classes of texts apart: AdamW, cross-entropy. Closing it
 * frees the weights.
 */
public final class FineTuneBert implements AutoCloseable {

    private static final int MEASURED_AT_ONCE = 64;

    private final TextSplit texts;
    private final Path origin;
    private final EncodedTexts training;
    private final EncodedTexts heldOut;
    private final StepSettings settings;
    private final NDManager manager;
    private final BertClassifierBlock block;

    /**
     * How well held-out texts are told apart.
     *
     * @param accuracy the share of right labels
     * @param f1 the mean over the labels of F1
     * @param loss the mean cross-entropy
     */
    public record Score(double accuracy, double f1, double loss) {}

    /**
     * Loads a BERT and gives it a head with random weights; without weights in the folder, all are
     * random.
     *
     * @param texts the texts
     * @param origin the Hugging Face folder of the BERT
     * @param tokenizer what cuts texts into tokens, and off what is too long
     * @param settings how long and how fast to train
     * @param device where to compute
     * @param progress what is told of the loading, or null
     * @throws MalformedModelException if the folder does not hold a BERT that is supported
     * @throws IOException if a file cannot be read
     */
    public FineTuneBert(
            TextSplit texts,
            Path origin,
            HuggingFaceTokenizer tokenizer,
            StepSettings settings,
            Device device,
            Progress progress)
            throws IOException, MalformedModelException {
        this.texts = texts;
        this.origin = origin;
        this.settings = settings;
        training = new EncodedTexts(texts.training(), texts.labels(), tokenizer);
        heldOut = new EncodedTexts(texts.heldOut(), texts.labels(), tokenizer);
        manager = NDManager.newBaseManager(device, TorchLibrary.ENGINE);
        try {
            manager.getEngine().setRandomSeed(settings.seed());
            block =
                    BertClassifierBlock.withNewHead(
                            origin,
                            SmallBert.hasWeights(origin),
                            texts.labels(),
                            manager,
                            progress);
        } catch (IOException | MalformedModelException | RuntimeException e) {
            manager.close();
            throw e;
        }
    }

    /**
     * Returns how many texts were too long, so that their ends are not read.
     *
     * @return the number of texts
     */
    public int cutTexts() {
        return training.cut() + heldOut.cut();
    }

    /**
     * Trains, going on from a checkpoint if there is one; the block has the best weights then.
     *
     * @param checkpoint where a training that is not done is kept
     * @param listener told of each step
     * @return the losses
     * @throws IOException if the checkpoint cannot be read or written
     * @throws IllegalStateException if the memory is short, or the loss not finite
     */
    public TrainingCurve train(TrainingCheckpoint checkpoint, StepListener listener)
            throws IOException {
        return new TrainingLoop(block, manager.getDevice(), new Classes(), settings, checkpoint)
                .run(listener);
    }

    private final class Classes implements TrainingTask {

        @Override
        public int samples() {
            return training.size();
        }

        @Override
        public NDList inputs(NDManager scope, int... samples) {
            return training.inputs(scope, samples);
        }

        @Override
        public NDArray labels(NDManager scope, int... samples) {
            return training.labels(scope, samples);
        }

        @Override
        public Loss loss() {
            return new CrossEntropyLoss();
        }

        @Override
        public double heldOutLoss() {
            return measure().loss();
        }

        @Override
        public String describe(int batchSize) {
            return batchSize + " texts of up to " + training.longest() + " tokens";
        }
    }

    /**
     * Measures the block on held-out texts, in FLOAT32.
     *
     * @return how well they are told apart
     */
    public Score measure() {
        Confusion confusion = new Confusion(texts.labels().size());
        double loss = 0;
        float[][] logits = logits(block);
        for (int text = 0; text < logits.length; text++) {
            int right = heldOut.label(text);
            double[] shares = block.labels().scoring().scores(logits[text]);
            loss -= Math.log(shares[right]) / logits.length;
            confusion.add(right, largest(logits[text]));
        }
        return new Score(confusion.accuracy(), confusion.macroF1(), loss);
    }

    private static int largest(float... numbers) {
        return IntStream.range(0, numbers.length)
                .reduce((a, b) -> numbers[b] > numbers[a] ? b : a)
                .orElseThrow();
    }

    /** Computes what a block says of the held-out texts. */
    private float[][] logits(BertClassifierBlock of) {
        float[][] logits = new float[heldOut.size()][];
        int labels = texts.labels().size();
        for (int from = 0; from < logits.length; from += MEASURED_AT_ONCE) {
            int to = Math.min(logits.length, from + MEASURED_AT_ONCE);
            try (NDManager scope = manager.newSubManager()) {
                NDList inputs = heldOut.inputs(scope, IntStream.range(from, to).toArray());
                ParameterStore parameters = new ParameterStore(scope, false);
                float[] part =
                        GradMode.off(() -> of.forward(parameters, inputs, false))
                                .singletonOrThrow()
                                .toFloatArray();
                for (int text = from; text < to; text++) {
                    int first = (text - from) * labels;
                    logits[text] = Arrays.copyOfRange(part, first, first + labels);
                }
            }
        }
        return logits;
    }

    /**
     * Saves the model as a Hugging Face folder; then loads it into a new block, whose logits of the
     * held-out texts must be the same.
     *
     * @param folder an empty folder
     * @throws IOException if a file cannot be written
     * @throws MalformedModelException never, as the block is the same
     * @throws IllegalStateException if the logits are not the same
     */
    public void save(Path folder) throws IOException, MalformedModelException {
        ModelFiles.copy(origin, folder, this::configure);
        block.saveWeights(folder);
        try (NDManager scope = manager.newSubManager()) {
            float[][] wanted = logits(block);
            float[][] found =
                    logits(BertClassifierBlock.load(folder, scope, DataType.FLOAT32, null));
            for (int i = 0; i < wanted.length; i++) {
                for (int j = 0; j < wanted[i].length; j++) {
                    check(wanted[i][j], found[i][j]);
                }
            }
        }
    }

    private void configure(ObjectNode config) {
        config.putArray("architectures").add("BertForSequenceClassification");
        config.put("problem_type", "single_label_classification");
        ObjectNode names = config.putObject("id2label");
        ObjectNode ids = config.putObject("label2id");
        for (int i = 0; i < texts.labels().size(); i++) {
            names.put(Integer.toString(i), texts.labels().get(i));
            ids.put(texts.labels().get(i), i);
        }
    }

    private static void check(float wanted, float found) {
        if (!(Math.abs(found - wanted) <= 1e-5f * (1 + Math.abs(wanted)))) {
            throw new IllegalStateException(
                    "the saved model gives the logit " + found + ", the trained one " + wanted);
        }
    }

    @Override
    public void close() {
        manager.close();
    }
}
