package org.djlflash.examples;

import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.util.Utils;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.stream.Stream;
import org.djlflash.zoo.provider.EmbeddedModel;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Model folders that are not as they should be. */
class ModelFolderTest {

    @TempDir private Path folder;

    @BeforeEach
    void copyTheEmbeddedModel() throws IOException {
        try (Stream<Path> files = Files.list(EmbeddedModel.unpack())) {
            for (Path file : files.toList()) {
                Files.copy(file, folder.resolve(file.getFileName()));
            }
        }
    }

    private Run generate(String... prompt) {
        return Run.of("generate", "--model", folder.toString(), prompt[0], prompt[1]);
    }

    private void assertRefused(String... parts) {
        generate("--prompt", "a").assertRefused(1, parts);
        generate("--prompt", "a").assertRefused(1, "--model " + folder + ": ");
    }

    private void replaceInConfig(String found, String replacement) throws IOException {
        Path config = folder.resolve("config.json");
        String text = Files.readString(config);
        assertTrue(text.contains(found), text);
        Files.writeString(config, text.replace(found, replacement));
    }

    @Test
    void asItIs() {
        generate("--prompt", "a").assertSuccess();
    }

    @Test
    void notThere() {
        Utils.deleteQuietly(folder);
        assertRefused("not a folder");
    }

    @Test
    void withoutConfig() throws IOException {
        Files.delete(folder.resolve("config.json"));
        assertRefused("config.json is missing");
    }

    @ParameterizedTest
    @CsvSource({
        "'\"n_head\": 4', '\"n_head\": 5', divisor of n_embd 256",
        "'\"model_type\": \"gpt2\"', '\"model_type\": \"mistral\"', must be gpt2 or llama",
        "'\"n_embd\": 256', '\"n_embd\": 0', n_embd",
        "'\"n_layer\": 6', '\"n_layer\": 7', 12 of 88 weights do not fit",
        "'\"n_inner\": null', '\"n_inner\": 1000', must have",
        "'\"n_embd\": 256,', '\"n_embd\": 256', config.json is not JSON",
    })
    void wrongConfig(String found, String replacement, String message) throws IOException {
        replaceInConfig(found, replacement);
        assertRefused(message);
    }

    @Test
    void truncatedWeights() throws IOException {
        try (FileChannel channel =
                FileChannel.open(folder.resolve("model.safetensors"), StandardOpenOption.WRITE)) {
            channel.truncate(1_000_000);
        }
        assertRefused("model.safetensors", "1183", "9926");
    }

    @Test
    void weightsThatAreNone() throws IOException {
        Files.writeString(folder.resolve("model.safetensors"), "no weights");
        assertRefused("model.safetensors");
    }

    @Test
    void pickledWeightsOnly() throws IOException {
        Files.move(folder.resolve("model.safetensors"), folder.resolve("pytorch_model.bin"));
        assertRefused("found pytorch_model.bin", "expected model.safetensors");
    }

    @Test
    void damagedTokenizer() throws IOException {
        Files.writeString(folder.resolve("tokenizer.json"), "{");
        assertRefused("tokenizer.json is not a tokenizer");
    }

    @Test
    void tokenIdsNeedNoTokenizer() throws IOException {
        Files.delete(folder.resolve("tokenizer.json"));
        assertRefused("no tokenizer.json");
        Run run = generate("--ids", "296,259,410,387,321").assertSuccess();
        assertTrue(run.out().startsWith(" 332 12 1053 12 304"), run.out());
    }
}
