package org.djlflash.zoo.embed;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.MalformedModelException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class SentenceTransformersFolderTest {

    private static final String TRANSFORMER =
            "{\"idx\":0,\"path\":\"\",\"type\":\"sentence_transformers.models.Transformer\"}";
    private static final String POOLING =
            "{\"path\":\"1_Pooling\",\"type\":\"sentence_transformers.models.Pooling\"}";
    private static final String NORMALIZE =
            "{\"path\":\"2_Normalize\",\"type\":\"sentence_transformers.models.Normalize\"}";

    @TempDir Path folder;

    private EmbeddingOptions read() throws IOException, MalformedModelException {
        return SentenceTransformersFolder.read(folder, 8, 12);
    }

    private void modules(String... modules) throws IOException {
        Files.writeString(folder.resolve("modules.json"), "[" + String.join(",", modules) + "]");
    }

    private void pooling(String config) throws IOException {
        Path file = Files.createDirectories(folder.resolve("1_Pooling")).resolve("config.json");
        Files.writeString(file, config);
    }

    private void refused(String... parts) {
        String message = assertThrows(MalformedModelException.class, this::read).getMessage();
        for (String part : parts) {
            assertTrue(message.contains(part), message);
        }
    }

    @Test
    void withoutFilesTheMeanOfAll() throws Exception {
        assertEquals(new EmbeddingOptions(Pooling.MEAN, false, 12), read());
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = ';',
            value = {
                "{\"pooling_mode_cls_token\":true,\"pooling_mode_mean_tokens\":false}; CLS",
                "{\"pooling_mode_mean_tokens\":true,\"word_embedding_dimension\":8}; MEAN",
                "{\"pooling_mode\":\"cls\"}; CLS",
                "{\"pooling_mode\":\"mean\"}; MEAN"
            })
    void poolings(String config, Pooling expected) throws Exception {
        modules(TRANSFORMER, POOLING);
        pooling(config);
        assertEquals(new EmbeddingOptions(expected, false, 12), read());
        modules(TRANSFORMER, POOLING, NORMALIZE);
        assertEquals(new EmbeddingOptions(expected, true, 12), read());
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = ';',
            value = {
                "{\"pooling_mode_max_tokens\":true}; \"pooling_mode_max_tokens\" must be false",
                "{\"pooling_mode_cls_token\":true,\"pooling_mode_mean_tokens\":true}; false beside",
                "{}; \"pooling_mode_mean_tokens\" must be true",
                "{\"pooling_mode\":\"lasttoken\"}; must be mean or cls",
                "{\"pooling_mode\":\"cls\",\"word_embedding_dimension\":9}; the model, 8, found 9"
            })
    void poolingsThatAreNotKnown(String config, String part) throws Exception {
        modules(TRANSFORMER, POOLING);
        pooling(config);
        refused("config.json", part);
    }

    @Test
    void modulesThatAreNotKnown() throws Exception {
        pooling("{\"pooling_mode\":\"cls\"}");
        modules(TRANSFORMER, POOLING, "{\"type\":\"sentence_transformers.models.Dense\"}");
        refused("modules.json: element 2", "\"type\" must be", "models.Dense");
        modules(TRANSFORMER, NORMALIZE, POOLING);
        refused("in this order, found [Transformer, Normalize, Pooling]");
        modules(TRANSFORMER);
        refused("found [Transformer]");
        modules(TRANSFORMER.replace("\"path\":\"\"", "\"path\":\"0_BERT\""), POOLING);
        refused("\"path\" must be empty, found \"0_BERT\"");
    }

    @ParameterizedTest
    @ValueSource(strings = {"../1_Pooling", "/etc", "..", "a/b", ""})
    void poolingIsInTheFolder(String path) throws Exception {
        modules(TRANSFORMER, POOLING.replace("1_Pooling", path));
        refused("\"path\" must be the plain name of a folder");
    }

    @Test
    void lengths() throws Exception {
        Path file = folder.resolve("sentence_bert_config.json");
        Files.writeString(file, "{\"max_seq_length\":5}");
        assertEquals(5, read().maxTokens());
        Files.writeString(file, "{\"max_seq_length\":500}");
        assertEquals(12, read().maxTokens());
        Files.writeString(file, "{\"max_seq_length\":null}");
        assertEquals(12, read().maxTokens());
        Files.writeString(file, "{\"max_seq_length\":0}");
        refused("\"max_seq_length\" must be");
        Files.writeString(file, "{\"do_lower_case\":true}");
        refused("\"do_lower_case\" must be false");
    }

    @Test
    void argumentsOverride() {
        EmbeddingOptions options = new EmbeddingOptions(Pooling.MEAN, false, 12);
        assertEquals(options, options.with(Map.of("other", 1)));
        assertEquals(
                new EmbeddingOptions(Pooling.POOLER, true, 3),
                options.with(Map.of("pooling", "pooler", "normalize", true, "maxTokens", "3")));
        List<Map<String, ?>> wrongs =
                List.of(
                        Map.of("pooling", "max"),
                        Map.of("normalize", "yes"),
                        Map.of("maxTokens", 13),
                        Map.of("maxTokens", "0"),
                        Map.of("maxTokens", "many"));
        for (Map<String, ?> wrong : wrongs) {
            String message =
                    assertThrows(IllegalArgumentException.class, () -> options.with(wrong))
                            .getMessage();
            assertTrue(message.contains("allowed"), message);
        }
    }
}
