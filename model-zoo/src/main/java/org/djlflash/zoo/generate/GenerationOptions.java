package org.djlflash.zoo.generate;

import java.util.List;
import java.util.Map;
import org.djlflash.zoo.generate.sampling.SamplingOptions;

/**
 * How much is generated, and how. Immutable.
 *
 * @param maxNewTokens the greatest number of new tokens
 * @param sampling how the next token is chosen; beam search heeds the repetition penalty alone
 * @param beams whether several texts are searched at once
 * @param stops the strings that end a text; they are no part of it
 * @param loop how the tokens after the first are computed
 * @param pageSize the tokens of a page of the model's cache, 0 for no pages
 */
public record GenerationOptions(
        int maxNewTokens,
        SamplingOptions sampling,
        BeamOptions beams,
        List<String> stops,
        DecodeLoop loop,
        int pageSize) {

    /**
     * Checks the options.
     *
     * @param maxNewTokens at least 1
     * @param sampling how the next token is chosen
     * @param beams whether several texts are searched at once
     * @param stops the strings that end a text, none of them empty
     * @param loop how the tokens after the first are computed
     * @param pageSize a power of two from 16 to 256, or 0
     * @throws IllegalArgumentException if a value is out of its range, or beam search is to sample
     */
    public GenerationOptions {
        stops = new StopStrings(stops).strings();
        if (maxNewTokens < 1) {
            throw new IllegalArgumentException(
                    "maxNewTokens is " + maxNewTokens + ", allowed is 1 or more");
        }
        if (pageSize != 0 && (Integer.bitCount(pageSize) != 1 || pageSize < 16 || pageSize > 256)) {
            throw new IllegalArgumentException(
                    "pageSize is " + pageSize + ", allowed is 0 or a power of two from 16 to 256");
        }
        if (beams.beams() > 1 && sampling.temperature() != 0) {
            throw new IllegalArgumentException(
                    beams.beams()
                            + " beams with temperature "
                            + sampling.temperature()
                            + ": beam search does not sample, allowed is temperature 0");
        }
    }

    /**
     * Creates a builder.
     *
     * @return a new builder, of options that take the most likely token, 48 times
     */
    public static Builder builder() {
        return new Builder();
    }

    /**
     * Returns the options that take the most likely token.
     *
     * @param maxNewTokens the greatest number of new tokens, at least 1
     * @return the options
     * @throws IllegalArgumentException if there is to be no new token
     */
    public static GenerationOptions greedy(int maxNewTokens) {
        return builder().optMaxNewTokens(maxNewTokens).build();
    }

    /**
     * Reads options from arguments, as {@link GenerationArguments} names them.
     *
     * @param arguments the arguments; others are left alone
     * @return the options
     * @throws IllegalArgumentException if a value is not of its type or not allowed
     */
    public static GenerationOptions from(Map<String, ?> arguments) {
        return new GenerationArguments(arguments).options();
    }

    StopStrings stopStrings() {
        return new StopStrings(stops);
    }

    /** Builds {@link GenerationOptions}. */
    public static final class Builder {

        private int maxNewTokens = 48;
        private SamplingOptions sampling = SamplingOptions.greedy();
        private BeamOptions beams = BeamOptions.NONE;
        private List<String> stops = List.of();
        private DecodeLoop loop = DecodeLoop.GRAPH;
        private int pageSize;

        private Builder() {}

        /**
         * Sets the greatest number of new tokens.
         *
         * @param maxNewTokens at least 1
         * @return this builder
         */
        public Builder optMaxNewTokens(int maxNewTokens) {
            this.maxNewTokens = maxNewTokens;
            return this;
        }

        /**
         * Sets how the next token is chosen.
         *
         * @param sampling the options
         * @return this builder
         */
        public Builder optSampling(SamplingOptions sampling) {
            this.sampling = sampling;
            return this;
        }

        /**
         * Sets whether several texts are searched at once.
         *
         * @param beams the options
         * @return this builder
         */
        public Builder optBeams(BeamOptions beams) {
            this.beams = beams;
            return this;
        }

        /**
         * Sets the strings that end a text.
         *
         * @param stops the strings
         * @return this builder
         */
        public Builder optStops(List<String> stops) {
            this.stops = stops;
            return this;
        }

        /**
         * Sets how the tokens after the first are computed.
         *
         * @param loop the way
         * @return this builder
         */
        public Builder optLoop(DecodeLoop loop) {
            this.loop = loop;
            return this;
        }

        /**
         * Keeps what the model read in pages, which texts take as they grow and beams share; by
         * default every text has room for all its tokens from the start.
         *
         * @param tokens the tokens of a page, a power of two from 16 to 256
         * @return this builder
         */
        public Builder optPageSize(int tokens) {
            pageSize = tokens;
            return this;
        }

        /**
         * Builds the options.
         *
         * @return the options
         * @throws IllegalArgumentException if a value is out of its range
         */
        public GenerationOptions build() {
            return new GenerationOptions(maxNewTokens, sampling, beams, stops, loop, pageSize);
        }
    }
}
