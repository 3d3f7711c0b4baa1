package org.djlflash.examples;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Locale;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What is common to all subcommands. */
class DjlFlashTest {

    @Test
    void withoutSubcommandItNamesThem() {
        Run.of().assertRefused(2, "subcommand", "generate, serve, perplexity", "--help");
    }

    @Test
    void unknownSubcommand() {
        Run.of("generat").assertRefused(2, "'generat'", "allowed are generate");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "generate",
                "serve",
                "perplexity",
                "embed",
                "search",
                "fine-tune-gpt2",
                "fine-tune-bert",
                "explain",
                "doctor",
                "bench",
                "bundle"
            })
    void helpGoesToStandardOutput(String subcommand) {
        Run run = Run.of(subcommand, "--help").assertSuccess();
        assertTrue(run.out().startsWith("Usage: djl-flash " + subcommand), run.out());
        assertEquals("", run.err());
    }

    @Test
    void unknownOption() {
        Run.of("doctor", "--no-such").assertRefused(2, "--no-such", "djl-flash doctor --help");
    }

    @Test
    void unknownDevice() {
        Run.of("doctor", "--device", "tpu").assertRefused(2, "--device", "'tpu'", "CPU, GPU");
    }

    @Test
    void stackTraceOnlyIfAskedFor() {
        Run run = Run.of("explain", "--q", "1,2,3", "--stacktrace");
        assertEquals(1, run.code());
        assertTrue(run.err().contains("\tat "), run.err());
    }

    @Test
    void numbersHaveADecimalPointInEveryLocale() {
        Locale before = Locale.getDefault();
        Locale.setDefault(Locale.GERMANY);
        try {
            assertEquals("loss 0.5000", LossCurve.text(0.5));
        } finally {
            Locale.setDefault(before);
        }
    }
}
