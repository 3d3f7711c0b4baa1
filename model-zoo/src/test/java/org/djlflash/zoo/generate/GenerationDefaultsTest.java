package org.djlflash.zoo.generate;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import ai.djl.MalformedModelException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class GenerationDefaultsTest {

    @TempDir Path folder;

    @Test
    void saysNothingWithoutAFile() throws Exception {
        assertEquals(List.of(), GenerationDefaults.read(folder, 10).endTokenIds());
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = ';',
            value = {
                "{}; ",
                "{\"eos_token_id\":null}; ",
                "{\"eos_token_id\":9,\"temperature\":0.6}; 9",
                "{\"eos_token_id\":[0,9]}; 0 9"
            })
    void readsEndTokens(String text, String expected) throws Exception {
        List<Integer> ids =
                expected == null
                        ? List.of()
                        : Arrays.stream(expected.split(" ")).map(Integer::valueOf).toList();
        assertEquals(ids, read(text).endTokenIds());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "[]",
                "{\"eos_token_id\":10}",
                "{\"eos_token_id\":-1}",
                "{\"eos_token_id\":\"9\"}",
                "{\"eos_token_id\":[9.0]}"
            })
    void refusesAnythingElse(String text) {
        assertThrows(MalformedModelException.class, () -> read(text));
    }

    private GenerationDefaults read(String text) throws IOException, MalformedModelException {
        Files.writeString(folder.resolve("generation_config.json"), text);
        return GenerationDefaults.read(folder, 10);
    }
}
