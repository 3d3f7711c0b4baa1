package org.djlflash.examples.train;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.training.loss.Loss;
import java.io.IOException;
import org.djlflash.train.CrossEntropyLoss;
import org.djlflash.zoo.evaluate.Perplexity;
import org.djlflash.zoo.gpt2.Gpt2;

/**
 * Trains GPT-2 further on a text: AdamW, and the cross-entropy of each next token. The dropout of
 * the model's configuration applies.
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
     * Trains a model, going on from a checkpoint if there is one.
     *
     * @param gpt2 the model, which has the best weights then
     * @param checkpoint where a training that is not done is kept
     * @param listener told of each step
     * @return the losses
     * @throws IOException if the checkpoint cannot be read or written
     * @throws IllegalArgumentException if the model cannot read windows of this size
     * @throws IllegalStateException if the memory is short, or the loss not finite
     */
    public TrainingCurve train(Gpt2 gpt2, TrainingCheckpoint checkpoint, StepListener listener)
            throws IOException {
        return new TrainingLoop(
                        gpt2.block(),
                        gpt2.manager().getDevice(),
                        new NextTokens(gpt2),
                        settings,
                        checkpoint)
                .run(listener);
    }

    private final class NextTokens implements TrainingTask {

        private final Gpt2 gpt2;

        NextTokens(Gpt2 gpt2) {
            this.gpt2 = gpt2;
        }

        @Override
        public int samples() {
            return text.trainingCount();
        }

        @Override
        public NDList inputs(NDManager manager, int... samples) {
            return new NDList(text.data(manager, samples));
        }

        @Override
        public NDArray labels(NDManager manager, int... samples) {
            return text.labels(manager, samples);
        }

        @Override
        public Loss loss() {
            return new CrossEntropyLoss();
        }

        @Override
        public double heldOutLoss() {
            return FineTuneGpt2.this.heldOutLoss(gpt2);
        }

        @Override
        public String describe(int batchSize) {
            return batchSize + " windows of " + text.size() + " tokens";
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
