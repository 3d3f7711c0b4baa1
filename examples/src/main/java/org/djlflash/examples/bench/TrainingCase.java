package org.djlflash.examples.bench;

import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalInt;
import org.djlflash.zoo.Activation;
import org.djlflash.zoo.gpt2.Gpt2Config;

/**
 * A model and what it is trained on.
 *
 * @param kind which model
 * @param layers its layers
 * @param width its embedding size
 * @param heads its attention heads
 * @param inner the size of its feed-forward networks
 * @param vocabulary its words; 0 for the layers of an encoder alone
 * @param batch the rows of a batch
 * @param tokens the tokens of a row
 * @param dropout the dropout rate of all kinds
 */
public record TrainingCase(
        Kind kind,
        int layers,
        int width,
        int heads,
        int inner,
        int vocabulary,
        int batch,
        int tokens,
        float dropout) {

    /** The models. */
    public enum Kind {
        /** The encoder layers of BERT-large. */
        BERT,
        /** GPT-2 small with its head. */
        GPT2;

        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    /**
     * Gives the case of a model.
     *
     * @param kind which model
     * @param layers another number of layers, if wanted
     * @param dropout the dropout rate
     * @return the case
     */
    public static TrainingCase of(Kind kind, Optional<Integer> layers, float dropout) {
        return switch (kind) {
            case BERT ->
                    new TrainingCase(kind, layers.orElse(24), 1024, 16, 4096, 0, 8, 512, dropout);
            case GPT2 ->
                    new TrainingCase(
                            kind, layers.orElse(12), 768, 12, 3072, 50257, 4, 1024, dropout);
        };
    }

    TrainingCase withDropout(float rate) {
        return new TrainingCase(kind, layers, width, heads, inner, vocabulary, batch, tokens, rate);
    }

    /** The configuration of GPT-2. */
    Gpt2Config gpt2() {
        return new Gpt2Config(
                vocabulary,
                tokens,
                width,
                layers,
                heads,
                inner,
                Activation.GELU,
                1e-5,
                dropout,
                dropout,
                dropout,
                true,
                false,
                true,
                OptionalInt.empty(),
                List.of());
    }

    @Override
    public String toString() {
        return String.format("%s %dx%d, %d layers", kind, batch, tokens, layers);
    }
}
