package org.djlflash.zoo.provider;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import ai.djl.Device;
import java.util.Arrays;
import java.util.List;
import org.djlflash.zoo.generate.BeamOptions;
import org.djlflash.zoo.generate.BeamOptions.EarlyStopping;
import org.djlflash.zoo.generate.GenerationOptions;
import org.djlflash.zoo.generate.GenerationResult;
import org.djlflash.zoo.generate.TextGenerator;
import org.djlflash.zoo.gpt2.Gpt2;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Texts whose keys and values are kept in pages, against those kept in one piece each. */
class PagedGenerationTest {

    private static Gpt2 model;
    private static List<int[]> prompts;

    @BeforeAll
    static void load() throws Exception {
        model = Gpt2.load(EmbeddedModel.unpack(), Device.cpu(), null);
        prompts =
                Arrays.stream(Continuations.all())
                        .map(Continuations.Case::prompt)
                        .limit(3)
                        .toList();
    }

    @AfterAll
    static void close() {
        model.close();
    }

    private static List<GenerationResult> generate(GenerationOptions.Builder options) {
        return new TextGenerator(model)
                .generate(prompts, options.optMaxNewTokens(40).build(), row -> (id, count) -> true);
    }

    private static void assertSame(List<GenerationResult> expected, List<GenerationResult> actual) {
        for (int row = 0; row < expected.size(); row++) {
            assertArrayEquals(expected.get(row).ids(), actual.get(row).ids());
            assertEquals(expected.get(row).hypotheses(), actual.get(row).hypotheses());
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {16, 256})
    void theLikeliestTokensAreTheSame(int pageSize) {
        assertSame(
                generate(GenerationOptions.builder()),
                generate(GenerationOptions.builder().optPageSize(pageSize)));
    }

    @Test
    void beamsThatSharePagesFindTheSame() {
        BeamOptions beams = new BeamOptions(3, 1, EarlyStopping.NO);
        assertSame(
                generate(GenerationOptions.builder().optBeams(beams)),
                generate(GenerationOptions.builder().optBeams(beams).optPageSize(16)));
    }

    @ParameterizedTest
    @ValueSource(ints = {-16, 8, 48, 512})
    void refusesOtherSizes(int pageSize) {
        String message =
                assertThrows(
                                IllegalArgumentException.class,
                                () -> GenerationOptions.builder().optPageSize(pageSize).build())
                        .getMessage();
        assertEquals(
                "pageSize is " + pageSize + ", allowed is 0 or a power of two from 16 to 256",
                message);
    }
}
