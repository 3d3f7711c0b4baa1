package org.djlflash.zoo.embed;

import java.util.Map;
import java.util.Objects;

/**
 * What becomes of the hidden states of a text. Immutable.
 *
 * @param pooling how they become one vector
 * @param normalize whether that is divided by its length
 * @param maxTokens how many tokens of a text are read, special ones included; the others are cut
 *     off
 */
public record EmbeddingOptions(Pooling pooling, boolean normalize, int maxTokens) {

    /**
     * Checks the options.
     *
     * @param pooling how they become one vector
     * @param normalize whether that is divided by its length
     * @param maxTokens how many tokens of a text are read
     * @throws IllegalArgumentException if there are no tokens to read
     */
    public EmbeddingOptions {
        Objects.requireNonNull(pooling, "pooling");
        if (maxTokens < 1) {
            throw new IllegalArgumentException(
                    "maxTokens is " + maxTokens + ", allowed is at least 1");
        }
    }

    /**
     * Returns these options, changed by arguments of a DJL {@code Criteria}: {@code pooling} (mean,
     * cls or pooler), {@code normalize} (true or false) and {@code maxTokens}, which can only be
     * less.
     *
     * @param arguments the arguments; others are ignored
     * @return the options
     * @throws IllegalArgumentException if a value is not allowed
     */
    public EmbeddingOptions with(Map<String, ?> arguments) {
        Object name = arguments.get("pooling");
        return new EmbeddingOptions(
                name == null ? pooling : Pooling.of(name.toString()),
                normalize(arguments.get("normalize")),
                maxTokens(arguments.get("maxTokens")));
    }

    private boolean normalize(Object argument) {
        if (argument == null) {
            return normalize;
        }
        return switch (argument.toString()) {
            case "true" -> true;
            case "false" -> false;
            default ->
                    throw new IllegalArgumentException(
                            "argument normalize is " + argument + ", allowed is true or false");
        };
    }

    private int maxTokens(Object argument) {
        if (argument == null) {
            return maxTokens;
        }
        int tokens;
        try {
            tokens = Integer.parseInt(argument.toString());
        } catch (NumberFormatException e) {
            tokens = 0;
        }
        if (tokens < 1 || tokens > maxTokens) {
            throw new IllegalArgumentException(
                    "argument maxTokens is " + argument + ", allowed is 1 to " + maxTokens);
        }
        return tokens;
    }
}
