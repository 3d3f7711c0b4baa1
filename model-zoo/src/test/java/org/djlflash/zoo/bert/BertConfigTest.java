package org.djlflash.zoo.bert;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.MalformedModelException;
import com.code_intelligence.jazzer.junit.FuzzTest;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.djlflash.zoo.ConfigFixture;
import org.djlflash.zoo.SharedModels;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class BertConfigTest extends ConfigFixture<BertConfig> {

    @Override
    protected BertConfig read(Path folder) throws IOException, MalformedModelException {
        return BertConfig.read(folder);
    }

    @BeforeEach
    void minimal() {
        fields.put("model_type", "\"bert\"");
        fields.put("vocab_size", "100");
        fields.put("max_position_embeddings", "16");
        fields.put("hidden_size", "12");
        fields.put("num_hidden_layers", "2");
        fields.put("num_attention_heads", "3");
        fields.put("intermediate_size", "7");
    }

    @Test
    void hasTheDefaultsOfHuggingFace() throws Exception {
        assertEquals(new BertConfig(100, 16, 2, 12, 2, 3, 7, 1e-12, 0.1, 0.1), read());
    }

    @Test
    void readsEveryKey() throws Exception {
        fields.put("type_vocab_size", "5");
        fields.put("layer_norm_eps", "1e-5");
        fields.put("hidden_dropout_prob", "0.2");
        fields.put("attention_probs_dropout_prob", "0");
        fields.put("hidden_act", "\"gelu\"");
        fields.put("position_embedding_type", "\"absolute\"");
        assertEquals(new BertConfig(100, 16, 5, 12, 2, 3, 7, 1e-5, 0.2, 0), read());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "model_type",
                "vocab_size",
                "max_position_embeddings",
                "hidden_size",
                "num_hidden_layers",
                "num_attention_heads",
                "intermediate_size"
            })
    void requiresTheStructure(String key) throws Exception {
        read();
        fields.remove(key);
        refused('"' + key + "\" must be");
        fields.put(key, "null");
        refused('"' + key + "\" must be");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = ';',
            value = {
                "vocab_size; 0",
                "vocab_size; 100.0",
                "vocab_size; 2000000000",
                "max_position_embeddings; -1",
                "max_position_embeddings; 2147483648",
                "type_vocab_size; 0",
                "type_vocab_size; 1000000",
                "hidden_size; 0",
                "hidden_size; 1000000000",
                "num_hidden_layers; 100000",
                "num_attention_heads; 5",
                "num_attention_heads; 24",
                "intermediate_size; 0",
                "hidden_act; \"relu\"",
                "hidden_act; \"gelu_new\"",
                "hidden_act; 1",
                "position_embedding_type; \"relative_key\"",
                "layer_norm_eps; 0",
                "hidden_dropout_prob; 1",
                "attention_probs_dropout_prob; -0.1",
                "is_decoder; true",
                "add_cross_attention; true",
                "is_encoder_decoder; true",
                "pruned_heads; {\"0\":[1]}",
                "quantization_config; {}",
                "model_type; \"roberta\""
            })
    void refusesValues(String key, String value) throws Exception {
        refusedWith(key, value);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = ';',
            value = {
                "pad_token_id; 0",
                "is_decoder; false",
                "pruned_heads; {}",
                "quantization_config; null",
                "auto_map; {\"AutoModel\":\"x.y\"}",
                "classifier_dropout; null",
                "use_cache; true"
            })
    void ignoresWhatDoesNotMatter(String key, String value) throws Exception {
        ignored(key, value);
    }

    @Test
    void readsModels() throws Exception {
        BertConfig config = BertConfig.read(SharedModels.folder("bert-random-hd32"));
        assertEquals(1009, config.vocabularySize());
        assertEquals(0, config.attentionDropout());
        Path gpt2 = SharedModels.folder("gpt2-kjv-6m");
        assertThrows(MalformedModelException.class, () -> BertConfig.read(gpt2));
    }

    /** Labels of a classifier are read from the same file. */
    @FuzzTest(maxDuration = "1m")
    void readsOrRefusesAnyLabels(byte[] bytes) throws IOException {
        Files.write(folder.resolve("config.json"), bytes);
        try {
            ClassifierConfig config = ClassifierConfig.read(folder, 0);
            assertTrue(config.names().size() >= 1);
        } catch (MalformedModelException expected) {
            assertTrue(expected.getMessage().startsWith("config.json"));
        }
    }

    @FuzzTest(maxDuration = "1m")
    void readsOrRefusesAnything(byte[] bytes) throws IOException {
        Files.write(folder.resolve("config.json"), bytes);
        try {
            BertConfig config = BertConfig.read(folder);
            assertEquals(0, config.hiddenSize() % config.heads());
        } catch (MalformedModelException expected) {
            assertTrue(expected.getMessage().startsWith("config.json"));
        }
    }
}
