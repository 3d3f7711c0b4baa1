package org.djlflash.zoo.generate;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Map;
import org.djlflash.zoo.generate.BeamOptions.EarlyStopping;
import org.djlflash.zoo.generate.sampling.SamplingOptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Options from the arguments of a DJL model, and from the parameters of a request. */
class GenerationArgumentsTest {

    @Test
    void nothingIsGreedy() {
        GenerationOptions options = GenerationOptions.from(Map.of("blockFactory", "x"));
        assertEquals(GenerationOptions.builder().build(), options);
        assertEquals(48, options.maxNewTokens());
        assertEquals(0, options.sampling().temperature());
        assertEquals(BeamOptions.NONE, options.beams());
    }

    @Test
    void readsTextAsServingPropertiesHaveIt() {
        GenerationOptions options =
                GenerationOptions.from(
                        Map.of(
                                "maxNewTokens", "7",
                                "temperature", "0.5",
                                "topK", "3",
                                "topP", " 0.9",
                                "repetitionPenalty", "1.5",
                                "seed", "-9",
                                "stopSequences", "[\"a\", \"[b\"]"));
        SamplingOptions sampling =
                SamplingOptions.builder()
                        .optTemperature(0.5)
                        .optTopK(3)
                        .optTopP(0.9)
                        .optRepetitionPenalty(1.5)
                        .optSeed(-9)
                        .build();
        assertEquals(
                GenerationOptions.builder()
                        .optMaxNewTokens(7)
                        .optSampling(sampling)
                        .optStops(List.of("a", "[b"))
                        .build(),
                options);
    }

    @Test
    void readsWhatARequestHas() {
        GenerationOptions options =
                GenerationOptions.from(
                        Map.of(
                                "max_new_tokens",
                                7.0,
                                "num_beams",
                                3,
                                "length_penalty",
                                -1,
                                "early_stopping",
                                true,
                                "stop_sequences",
                                List.of("\n")));
        assertEquals(
                GenerationOptions.builder()
                        .optMaxNewTokens(7)
                        .optBeams(new BeamOptions(3, -1, EarlyStopping.YES))
                        .optStops(List.of("\n"))
                        .build(),
                options);
        assertEquals(
                EarlyStopping.NEVER,
                GenerationOptions.from(Map.of("earlyStopping", "never")).beams().earlyStopping());
        assertEquals(List.of(" a"), GenerationOptions.from(Map.of("stopSequences", " a")).stops());
    }

    @Test
    void doSampleDecides() {
        assertEquals(1, temperature(Map.of("doSample", true)));
        assertEquals(0.5, temperature(Map.of("do_sample", "true", "temperature", 0.5)));
        assertEquals(0, temperature(Map.of("do_sample", "False", "temperature", 0.5, "topK", 2)));
        assertEquals(0.5, temperature(Map.of("temperature", 0.5)));
    }

    private static double temperature(Map<String, ?> arguments) {
        return GenerationOptions.from(arguments).sampling().temperature();
    }

    @Test
    void aRequestOverrides() {
        GenerationArguments model =
                new GenerationArguments(Map.of("max_new_tokens", 5, "topK", 4, "temperature", 1));
        GenerationOptions options = model.with(Map.of("maxNewTokens", 9)).options();
        assertEquals(9, options.maxNewTokens());
        assertEquals(4, options.sampling().topK());
        assertEquals(5, model.options().maxNewTokens());
        assertEquals(0, model.with(Map.of("do_sample", false)).options().sampling().topK());
    }

    @Test
    void knowsItsNames() {
        assertTrue(GenerationArguments.isKnown("max_new_tokens"));
        assertTrue(GenerationArguments.isKnown("topP"));
        assertFalse(GenerationArguments.isKnown("top"));
        assertFalse(GenerationArguments.isKnown("device"));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "maxNewTokens | x | argument maxNewTokens is x, allowed is a whole number",
                "maxNewTokens | 1.5 | argument maxNewTokens is 1.5, allowed is a whole number",
                "maxNewTokens | 3000000000 | is 3000000000, allowed is up to 2147483647",
                "maxNewTokens | 0 | maxNewTokens is 0, allowed is 1 or more",
                "maxNewTokens | -9000000000 | allowed is",
                "temperature | warm | argument temperature is warm, allowed is a number",
                "temperature | -1 | found -1.0",
                "temperature | NaN | found NaN",
                "topK | 5 | allowed is a temperature above 0",
                "topP | 2 | found 2.0",
                "repetitionPenalty | 0 | found 0.0",
                "seed | 1e400 | argument seed is 1e400, allowed is",
                "doSample | yes | argument doSample is yes, allowed is true or false",
                "numBeams | 0 | beams is 0, allowed is 1 to 1024",
                "numBeams | four | argument numBeams is four, allowed is a whole number",
                "lengthPenalty | long | argument lengthPenalty is long, allowed is a number",
                "lengthPenalty | Infinity | allowed is a finite number",
                "earlyStopping | maybe | is maybe, allowed is true, false or never",
                "stopSequences | [1] | is [1], allowed is a list of strings",
                "stopSequences | [\"a\" | allowed is a string or a JSON array of strings",
            })
    void refuses(String name, String value, String message) {
        String found =
                assertThrows(
                                IllegalArgumentException.class,
                                () -> GenerationOptions.from(Map.of(name, value)))
                        .getMessage();
        assertTrue(found.contains(message), found);
    }

    @Test
    void refusesWhatDoesNotGoTogether() {
        assertRefused(
                Map.of("doSample", true, "temperature", 0),
                "argument temperature is 0 with doSample, allowed is a number above 0");
        assertRefused(
                Map.of("numBeams", 2, "temperature", 1),
                "2 beams with temperature 1.0: beam search does not sample");
        assertRefused(Map.of("stopSequences", List.of("")), "stop string of 0 characters");
        assertRefused(Map.of("stopSequences", List.of(1)), "allowed is a list of strings");
    }

    private static void assertRefused(Map<String, ?> arguments, String message) {
        String found =
                assertThrows(
                                IllegalArgumentException.class,
                                () -> GenerationOptions.from(arguments))
                        .getMessage();
        assertTrue(found.contains(message), found);
    }
}
