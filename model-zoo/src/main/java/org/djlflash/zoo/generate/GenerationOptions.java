package org.djlflash.zoo.generate;

import java.util.Map;
import org.djlflash.zoo.generate.sampling.SamplingOptions;

/**
 * How much is generated, and how.
 *
 * @param maxNewTokens the greatest number of new tokens
 * @param sampling how the next token is chosen
 */
public record GenerationOptions(int maxNewTokens, SamplingOptions sampling) {

    private static final int DEFAULT_NEW_TOKENS = 48;

    /**
     * Checks the options.
     *
     * @param maxNewTokens at least 1
     * @param sampling how the next token is chosen
     * @throws IllegalArgumentException if there is to be no new token
     */
    public GenerationOptions {
        if (maxNewTokens < 1) {
            throw new IllegalArgumentException(
                    "maxNewTokens is " + maxNewTokens + ", allowed is 1 or more");
        }
    }

    /**
     * Reads options from the arguments of a DJL model: {@code maxNewTokens} (default 48), {@code
     * temperature} (default 0: always the likeliest token), {@code topK}, {@code topP}, {@code
     * repetitionPenalty}, {@code seed}, as numbers or text.
     *
     * @param arguments the arguments
     * @return the options
     * @throws IllegalArgumentException if a value is not a number or not allowed
     */
    public static GenerationOptions from(Map<String, ?> arguments) {
        SamplingOptions.Builder sampling =
                SamplingOptions.builder().optTemperature(number(arguments, "temperature", 0));
        if (arguments.containsKey("topK")) {
            sampling.optTopK(whole(arguments, "topK", 0));
        }
        if (arguments.containsKey("topP")) {
            sampling.optTopP(number(arguments, "topP", 1));
        }
        if (arguments.containsKey("repetitionPenalty")) {
            sampling.optRepetitionPenalty(number(arguments, "repetitionPenalty", 1));
        }
        if (arguments.containsKey("seed")) {
            sampling.optSeed(integer(arguments, "seed", 0));
        }
        return new GenerationOptions(
                whole(arguments, "maxNewTokens", DEFAULT_NEW_TOKENS), sampling.build());
    }

    private static double number(Map<String, ?> arguments, String key, double absent) {
        Object value = arguments.get(key);
        try {
            return value == null ? absent : Double.parseDouble(value.toString());
        } catch (NumberFormatException e) {
            throw new IllegalArgumentException(
                    "argument " + key + " is " + value + ", allowed is a number", e);
        }
    }

    private static int whole(Map<String, ?> arguments, String key, int absent) {
        long value = integer(arguments, key, absent);
        if (value != (int) value) {
            throw new IllegalArgumentException(
                    "argument " + key + " is " + value + ", allowed is up to " + Integer.MAX_VALUE);
        }
        return (int) value;
    }

    private static long integer(Map<String, ?> arguments, String key, long absent) {
        Object value = arguments.get(key);
        try {
            return value == null ? absent : Long.parseLong(value.toString());
        } catch (NumberFormatException e) {
            throw new IllegalArgumentException(
                    "argument " + key + " is " + value + ", allowed is a whole number", e);
        }
    }
}
