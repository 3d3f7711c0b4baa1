package org.djlflash.zoo.generate;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.math.BigDecimal;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.djlflash.zoo.generate.BeamOptions.EarlyStopping;
import org.djlflash.zoo.generate.sampling.SamplingOptions;

/**
 * The names that options have as arguments of a DJL model, and as parameters of a request. They may
 * be written in camel case or with underscores, values as their type or as text:
 *
 * <ul>
 *   <li>{@code maxNewTokens} (default 48)
 *   <li>{@code doSample}: false takes the most likely token, whatever the next three are; default:
 *       whether there is a temperature above 0
 *   <li>{@code temperature} (default 0, but 1 with {@code doSample}), {@code topK}, {@code topP}
 *   <li>{@code repetitionPenalty}, {@code seed}
 *   <li>{@code numBeams}, {@code lengthPenalty}, {@code earlyStopping}: true, false or never
 *   <li>{@code stopSequences}: a list of strings, one string, or text that is a JSON array
 * </ul>
 */
public final class GenerationArguments {

    private static final List<String> NAMES =
            List.of(
                    "maxNewTokens",
                    "doSample",
                    "temperature",
                    "topK",
                    "topP",
                    "repetitionPenalty",
                    "seed",
                    "numBeams",
                    "lengthPenalty",
                    "earlyStopping",
                    "stopSequences");

    private final Map<String, Object> values = new HashMap<>();

    /**
     * Takes arguments, leaving those alone that are none of these.
     *
     * @param arguments the arguments
     */
    public GenerationArguments(Map<String, ?> arguments) {
        arguments.forEach(
                (key, value) -> {
                    String name = camelCase(key);
                    if (NAMES.contains(name) && value != null) {
                        values.put(name, value);
                    }
                });
    }

    /**
     * Tells whether an argument is one of these.
     *
     * @param name the name, in camel case or with underscores
     * @return true if so
     */
    public static boolean isKnown(String name) {
        return NAMES.contains(camelCase(name));
    }

    /**
     * Returns the names.
     *
     * @return all of them, in camel case
     */
    public static List<String> names() {
        return NAMES;
    }

    /**
     * Overrides arguments.
     *
     * @param arguments those that count where both are there
     * @return new arguments
     */
    public GenerationArguments with(Map<String, ?> arguments) {
        GenerationArguments merged = new GenerationArguments(values);
        merged.values.putAll(new GenerationArguments(arguments).values);
        return merged;
    }

    private static String camelCase(String name) {
        StringBuilder camel = new StringBuilder(name);
        for (int at = camel.indexOf("_"); at >= 0; at = camel.indexOf("_")) {
            camel.deleteCharAt(at);
            if (at < camel.length()) {
                camel.setCharAt(at, Character.toUpperCase(camel.charAt(at)));
            }
        }
        return camel.toString();
    }

    /**
     * Reads the options.
     *
     * @return the options
     * @throws IllegalArgumentException if a value is not of its type or not allowed
     */
    public GenerationOptions options() {
        return GenerationOptions.builder()
                .optMaxNewTokens((int) whole("maxNewTokens", 48, Integer.MAX_VALUE))
                .optSampling(sampling())
                .optBeams(beams())
                .optStops(stops())
                .build();
    }

    private SamplingOptions sampling() {
        SamplingOptions.Builder sampling =
                SamplingOptions.builder().optRepetitionPenalty(number("repetitionPenalty", 1));
        if (values.containsKey("seed")) {
            sampling.optSeed(whole("seed", 0, Long.MAX_VALUE));
        }
        boolean asked = values.containsKey("doSample");
        boolean sample = asked && flag("doSample");
        if (asked && !sample) {
            return sampling.optTemperature(0).build();
        }
        double temperature = number("temperature", sample ? 1 : 0);
        if (sample && temperature == 0) {
            throw new IllegalArgumentException(
                    "argument temperature is 0 with doSample, allowed is a number above 0");
        }
        return sampling.optTemperature(temperature)
                .optTopK((int) whole("topK", 0, Integer.MAX_VALUE))
                .optTopP(number("topP", 1))
                .build();
    }

    private BeamOptions beams() {
        String early = text("earlyStopping", "false").toLowerCase(Locale.ROOT);
        EarlyStopping earlyStopping =
                switch (early) {
                    case "false" -> EarlyStopping.NO;
                    case "true" -> EarlyStopping.YES;
                    case "never" -> EarlyStopping.NEVER;
                    default -> throw refuse("earlyStopping", "true, false or never");
                };
        return new BeamOptions(
                (int) whole("numBeams", 1, Integer.MAX_VALUE),
                number("lengthPenalty", 1),
                earlyStopping);
    }

    private List<String> stops() {
        Object value = values.get("stopSequences");
        if (value == null) {
            return List.of();
        }
        if (value instanceof Collection<?> strings) {
            return strings(strings);
        }
        String text = value.toString();
        if (!text.stripLeading().startsWith("[")) {
            return List.of(text);
        }
        try {
            return strings(new ObjectMapper().readValue(text, List.class));
        } catch (JsonProcessingException e) {
            throw refuse("stopSequences", "a string or a JSON array of strings");
        }
    }

    private List<String> strings(Collection<?> found) {
        if (!found.stream().allMatch(String.class::isInstance)) {
            throw refuse("stopSequences", "a list of strings");
        }
        return found.stream().map(String.class::cast).toList();
    }

    private String text(String name, String absent) {
        Object value = values.get(name);
        return value == null ? absent : value.toString().strip();
    }

    private boolean flag(String name) {
        return switch (text(name, "").toLowerCase(Locale.ROOT)) {
            case "true" -> true;
            case "false" -> false;
            default -> throw refuse(name, "true or false");
        };
    }

    private double number(String name, double absent) {
        try {
            return Double.parseDouble(text(name, String.valueOf(absent)));
        } catch (NumberFormatException e) {
            throw refuse(name, "a number");
        }
    }

    /** JSON knows no whole numbers: 3.0 is one. */
    private long whole(String name, long absent, long greatest) {
        long value;
        try {
            value = new BigDecimal(text(name, String.valueOf(absent))).longValueExact();
        } catch (NumberFormatException | ArithmeticException e) {
            throw refuse(name, "a whole number");
        }
        if (value > greatest) {
            throw refuse(name, "up to " + greatest);
        }
        return value;
    }

    private IllegalArgumentException refuse(String name, String allowed) {
        return new IllegalArgumentException(
                "argument " + name + " is " + values.get(name) + ", allowed is " + allowed);
    }
}
