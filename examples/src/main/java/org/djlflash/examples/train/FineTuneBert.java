package org.djlflash.examples.train;

import ai.djl.Device;
import ai.djl.MalformedModelException;
import ai.djl.Model;
import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import ai.djl.inference.Predictor;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import ai.djl.training.EasyTrain;
import ai.djl.training.Trainer;
import ai.djl.training.dataset.Dataset;
import ai.djl.training.evaluator.Accuracy;
import ai.djl.training.listener.EvaluatorTrainingListener;
import ai.djl.training.loss.Loss;
import ai.djl.translate.NoopTranslator;
import ai.djl.translate.TranslateException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.djlflash.torch.TorchLibrary;

/**
 * Trains a {@link TextClassifier} on labelled texts, with DJL's trainer: AdamW, cross-entropy,
 * accuracy. Closing it frees the weights.
 */
public final class FineTuneBert implements AutoCloseable {

    private static final String NAME = "bert";

    private final TextSplit texts;
    private final EncodedTexts training;
    private final EncodedTexts heldOut;
    private final int vocabularySize;
    private final StepSettings settings;
    private final Model model;

    /**
     * What a training came to.
     *
     * @param before the held-out texts before it
     * @param after the held-out texts after it
     * @param losses the loss of each step
     */
    public record Result(Score before, Score after, List<Float> losses) {}

    /**
     * How well held-out texts are told apart.
     *
     * @param accuracy the share of right labels
     * @param loss the mean cross-entropy
     */
    public record Score(float accuracy, float loss) {}

    /**
     * Creates a classifier with random weights.
     *
     * @param texts the texts
     * @param tokenizer what cuts them into tokens
     * @param vocabularySize the number of tokens
     * @param settings how long and how fast to train
     * @param device where to compute
     */
    public FineTuneBert(
            TextSplit texts,
            HuggingFaceTokenizer tokenizer,
            int vocabularySize,
            StepSettings settings,
            Device device) {
        this.texts = texts;
        this.vocabularySize = vocabularySize;
        this.settings = settings;
        training = encode(texts.training(), tokenizer);
        heldOut = encode(texts.heldOut(), tokenizer);
        model = newModel(device);
    }

    private EncodedTexts encode(List<LabelledText> part, HuggingFaceTokenizer tokenizer) {
        return new EncodedTexts(part, texts.labels(), tokenizer, TextClassifier.MAX_TOKENS);
    }

    private Model newModel(Device device) {
        Model created = Model.newInstance(NAME, device, TorchLibrary.ENGINE);
        created.setBlock(TextClassifier.create(vocabularySize, texts.labels().size()));
        return created;
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
     * Trains.
     *
     * @param listener told of each step
     * @return what it came to
     * @throws IOException never, but DJL says so
     * @throws TranslateException never, but DJL says so
     */
    public Result train(StepListener listener) throws IOException, TranslateException {
        NDManager manager = model.getNDManager();
        manager.getEngine().setRandomSeed(settings.seed());
        Accuracy accuracy = new Accuracy();
        try (Trainer trainer =
                model.newTrainer(
                        Training.config(
                                        Loss.softmaxCrossEntropyLoss(),
                                        settings,
                                        manager.getDevice())
                                .addEvaluator(accuracy))) {
            Shape shape = training.shape(settings.batchSize());
            trainer.initialize(shape, shape, shape);
            // One batch, as a mean over batches would give a smaller last one too much weight.
            Dataset measured = heldOut.dataset(trainer.getManager(), heldOut.size(), false);
            Dataset trained = training.dataset(trainer.getManager(), settings.batchSize(), true);
            Score before = measure(trainer, accuracy, measured);
            List<Float> losses = Training.run(trainer, trained, settings.steps(), listener);
            return new Result(before, measure(trainer, accuracy, measured), losses);
        }
    }

    private static Score measure(Trainer trainer, Accuracy accuracy, Dataset data)
            throws IOException, TranslateException {
        trainer.notifyListeners(listener -> listener.onEpoch(trainer));
        EasyTrain.evaluateDataset(trainer, data);
        return new Score(
                accuracy.getAccumulator(EvaluatorTrainingListener.VALIDATE_EPOCH),
                trainer.getLoss().getAccumulator(EvaluatorTrainingListener.VALIDATE_EPOCH));
    }

    /**
     * Saves the trained weights as DJL does, and the labels beside them; then loads them into a new
     * block, whose logits of the held-out texts must be the same.
     *
     * @param folder an existing folder
     * @throws IOException if a file cannot be written
     * @throws MalformedModelException never, as the block is the same
     * @throws TranslateException never, but DJL says so
     * @throws IllegalStateException if the logits are not the same
     */
    public void save(Path folder) throws IOException, MalformedModelException, TranslateException {
        model.save(folder, NAME);
        Files.write(folder.resolve("synset.txt"), texts.labels());
        try (Model reloaded = newModel(model.getNDManager().getDevice())) {
            reloaded.load(folder, NAME);
            float[] wanted = logits(model);
            float[] found = logits(reloaded);
            for (int i = 0; i < wanted.length; i++) {
                if (!(Math.abs(found[i] - wanted[i]) <= 1e-5f * (1 + Math.abs(wanted[i])))) {
                    throw new IllegalStateException(
                            "the saved model gives the logit "
                                    + found[i]
                                    + ", the trained one "
                                    + wanted[i]);
                }
            }
        }
    }

    private float[] logits(Model of) throws TranslateException {
        try (Predictor<NDList, NDList> predictor = of.newPredictor(new NoopTranslator(null));
                NDManager scope = of.getNDManager().newSubManager()) {
            NDList inputs = heldOut.inputs(scope);
            NDList outputs = predictor.predict(inputs);
            outputs.attach(scope);
            return outputs.singletonOrThrow().toFloatArray();
        }
    }

    @Override
    public void close() {
        model.close();
    }
}
