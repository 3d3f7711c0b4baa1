package org.djlflash.zoo.generate.sampling;

import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;
import java.util.SplittableRandom;
import java.util.stream.IntStream;

/**
 * How tokens are chosen. The rules apply in the order of Hugging Face: repetition penalty,
 * temperature, top k, top p. Immutable.
 *
 * @param temperature the temperature; 0 takes the most likely token, and top k and top p must be
 *     left out
 * @param topK how many of the most likely tokens are kept; 0 for all
 * @param topP the probability that the kept tokens reach; 1 for all
 * @param repetitionPenalty the penalty for tokens that occurred; 1 for none
 * @param seed the seed; if empty, every sampler draws differently
 */
public record SamplingOptions(
        double temperature, int topK, double topP, double repetitionPenalty, OptionalLong seed) {

    /**
     * Checks the options.
     *
     * @param temperature the temperature
     * @param topK how many of the most likely tokens are kept
     * @param topP the probability that the kept tokens reach
     * @param repetitionPenalty the penalty for tokens that occurred
     * @param seed the seed
     * @throws IllegalArgumentException if a value is out of its range
     */
    public SamplingOptions {
        if (!(temperature >= 0 && Double.isFinite(temperature))) {
            throw new IllegalArgumentException(
                    "temperature must be finite and at least 0, found " + temperature);
        }
        if (topK < 0) {
            throw new IllegalArgumentException("topK must be at least 0, found " + topK);
        }
        if (temperature == 0 && (topK > 0 || topP < 1)) {
            throw new IllegalArgumentException(
                    "topK "
                            + topK
                            + " and topP "
                            + topP
                            + " choose among several tokens, temperature 0 takes one: allowed is a"
                            + " temperature above 0");
        }
        new TopP(topP);
        new RepetitionPenalty(repetitionPenalty);
    }

    /**
     * Creates a builder.
     *
     * @return a new builder, of options that draw from all tokens at temperature 1
     */
    public static Builder builder() {
        return new Builder();
    }

    /**
     * Returns the options that take the most likely token.
     *
     * @return the options
     */
    public static SamplingOptions greedy() {
        return builder().optTemperature(0).build();
    }

    /**
     * Creates the sampler of a single text. With a seed, it chooses the same tokens for the same
     * logits every time.
     *
     * @return a new sampler
     */
    public Sampler newSampler() {
        return newSamplers(1).get(0);
    }

    /**
     * Creates the samplers of a batch. With a seed, the sampler of a row chooses the same tokens
     * for the same logits every time, however many rows there are.
     *
     * @param rows the number of rows
     * @return a new sampler for each row, independent of the others
     */
    public List<Sampler> newSamplers(int rows) {
        SplittableRandom root =
                seed.isPresent() ? new SplittableRandom(seed.getAsLong()) : new SplittableRandom();
        return IntStream.range(0, rows).mapToObj(row -> newSampler(root.split())).toList();
    }

    private Sampler newSampler(SplittableRandom random) {
        Sampler.Drawing drawing = new Sampler.Drawing(this, random);
        List<LogitsRule> rules = new ArrayList<>();
        if (repetitionPenalty != 1) {
            rules.add(new RepetitionPenalty(repetitionPenalty));
        }
        if (temperature == 0) {
            return new RuledSampler(rules, new GreedySampler(), drawing);
        }
        if (temperature != 1) {
            rules.add(new Temperature(temperature));
        }
        if (topK > 0) {
            rules.add(new TopK(topK));
        }
        if (topP < 1) {
            rules.add(new TopP(topP));
        }
        return new RuledSampler(rules, new RandomSampler(random), drawing);
    }

    /** Builds {@link SamplingOptions}. */
    public static final class Builder {

        private double temperature = 1;
        private int topK;
        private double topP = 1;
        private double repetitionPenalty = 1;
        private OptionalLong seed = OptionalLong.empty();

        private Builder() {}

        /**
         * Sets the temperature.
         *
         * @param temperature at least 0; 0 takes the most likely token
         * @return this builder
         */
        public Builder optTemperature(double temperature) {
            this.temperature = temperature;
            return this;
        }

        /**
         * Sets how many of the most likely tokens are kept.
         *
         * @param topK at least 0; 0 keeps all
         * @return this builder
         */
        public Builder optTopK(int topK) {
            this.topK = topK;
            return this;
        }

        /**
         * Sets the probability that the kept tokens reach.
         *
         * @param topP in (0, 1]; 1 keeps all
         * @return this builder
         */
        public Builder optTopP(double topP) {
            this.topP = topP;
            return this;
        }

        /**
         * Sets the penalty for tokens that occurred.
         *
         * @param repetitionPenalty greater than 0; 1 changes nothing
         * @return this builder
         */
        public Builder optRepetitionPenalty(double repetitionPenalty) {
            this.repetitionPenalty = repetitionPenalty;
            return this;
        }

        /**
         * Sets the seed.
         *
         * @param seed any number; the same seed gives the same tokens
         * @return this builder
         */
        public Builder optSeed(long seed) {
            this.seed = OptionalLong.of(seed);
            return this;
        }

        /**
         * Builds the options.
         *
         * @return the options
         * @throws IllegalArgumentException if a value is out of its range
         */
        public SamplingOptions build() {
            return new SamplingOptions(temperature, topK, topP, repetitionPenalty, seed);
        }
    }
}
