package org.djlflash.examples.train;

import ai.djl.Device;
import ai.djl.Model;
import ai.djl.ndarray.types.Shape;
import ai.djl.training.Trainer;
import ai.djl.translate.TranslateException;
import java.io.IOException;
import java.util.List;
import org.djlflash.torch.TorchLibrary;
import org.djlflash.train.CrossEntropyLoss;
import org.djlflash.zoo.evaluate.Perplexity;
import org.djlflash.zoo.gpt2.Gpt2;

/**
 * Trains GPT-2 further on a text, with DJL's trainer: AdamW, and the cross-entropy of each next
 * token. The dropout of the model's configuration applies.
 */
public final class FineTuneGpt2 {

    private final TokenWindows text;
    private final StepSettings settings;

    /**
     * Creates a training.
     *
     * @param text the text
     * @param settings how long and how fast to train
     */
    public FineTuneGpt2(TokenWindows text, StepSettings settings) {
        this.text = text;
        this.settings = settings;
    }

    /**
     * Trains a model.
     *
     * @param gpt2 the model, whose weights change
     * @param listener told of each step
     * @return the loss of each step
     * @throws IOException never, but DJL says so
     * @throws TranslateException never, but DJL says so
     */
    public List<Float> train(Gpt2 gpt2, StepListener listener)
            throws IOException, TranslateException {
        gpt2.manager().getEngine().setRandomSeed(settings.seed());
        Device device = gpt2.manager().getDevice();
        try (Model model = Model.newInstance("gpt2", device, TorchLibrary.ENGINE)) {
            model.setBlock(gpt2.block());
            try (Trainer trainer =
                    model.newTrainer(Training.config(new CrossEntropyLoss(), settings, device))) {
                trainer.initialize(new Shape(settings.batchSize(), text.size() - 1));
                return Training.run(
                        trainer,
                        text.trainingSet(trainer.getManager(), settings.batchSize()),
                        settings.steps(),
                        listener);
            }
        }
    }

    /**
     * Measures a model on what is held out.
     *
     * @param gpt2 the model
     * @return the mean loss, in nats per token
     * @throws IllegalArgumentException if the model cannot read windows of this size
     */
    public double heldOutLoss(Gpt2 gpt2) {
        return Perplexity.measure(gpt2, text.heldOut(), text.size(), null).natsPerToken();
    }
}
