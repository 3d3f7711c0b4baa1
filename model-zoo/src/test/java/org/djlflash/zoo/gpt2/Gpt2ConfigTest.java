package org.djlflash.zoo.gpt2;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.MalformedModelException;
import com.code_intelligence.jazzer.junit.FuzzTest;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.OptionalInt;
import org.djlflash.zoo.Activation;
import org.djlflash.zoo.ConfigFixture;
import org.djlflash.zoo.SharedModels;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class Gpt2ConfigTest extends ConfigFixture<Gpt2Config> {

    @Override
    protected Gpt2Config read(Path folder) throws IOException, MalformedModelException {
        return Gpt2Config.read(folder);
    }

    @BeforeEach
    void minimal() {
        fields.put("model_type", "\"gpt2\"");
        fields.put("vocab_size", "100");
        fields.put("n_positions", "16");
        fields.put("n_embd", "12");
        fields.put("n_layer", "2");
        fields.put("n_head", "3");
    }

    @Test
    void hasTheDefaultsOfHuggingFace() throws Exception {
        Gpt2Config config = read();
        Gpt2Config expected =
                new Gpt2Config(
                        100,
                        16,
                        12,
                        2,
                        3,
                        48,
                        Activation.GELU_TANH,
                        1e-5,
                        0.1,
                        0.1,
                        0.1,
                        true,
                        false,
                        true,
                        OptionalInt.empty(),
                        List.of());
        assertEquals(expected, config);
    }

    @Test
    void readsEveryKey() throws Exception {
        fields.put("n_inner", "7");
        fields.put("activation_function", "\"gelu\"");
        fields.put("layer_norm_epsilon", "1e-6");
        fields.put("embd_pdrop", "0.2");
        fields.put("attn_pdrop", "0.3");
        fields.put("resid_pdrop", "0");
        fields.put("scale_attn_weights", "false");
        fields.put("scale_attn_by_inverse_layer_idx", "true");
        fields.put("tie_word_embeddings", "false");
        fields.put("bos_token_id", "98");
        fields.put("eos_token_id", "[99,98]");
        Gpt2Config expected =
                new Gpt2Config(
                        100,
                        16,
                        12,
                        2,
                        3,
                        7,
                        Activation.GELU,
                        1e-6,
                        0.2,
                        0.3,
                        0,
                        false,
                        true,
                        false,
                        OptionalInt.of(98),
                        List.of(99, 98));
        assertEquals(expected, read());
    }

    @ParameterizedTest
    @CsvSource({"gelu_new, GELU_TANH", "gelu_pytorch_tanh, GELU_TANH", "gelu, GELU"})
    void knowsActivations(String name, Activation expected) throws Exception {
        fields.put("activation_function", '"' + name + '"');
        assertEquals(expected, read().activation());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"model_type", "vocab_size", "n_positions", "n_embd", "n_layer", "n_head"})
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
                "vocab_size; -1",
                "vocab_size; 100.0",
                "vocab_size; \"100\"",
                "vocab_size; 2147483648",
                "vocab_size; 2000000000",
                "n_positions; 0",
                "n_positions; 1e3",
                "n_embd; 0",
                "n_embd; 1000000000",
                "n_layer; 0",
                "n_layer; 100000",
                "n_head; 0",
                "n_head; 5",
                "n_head; 24",
                "n_head; [3]",
                "n_inner; 0",
                "n_inner; 4.5",
                "activation_function; \"relu\"",
                "activation_function; 1",
                "layer_norm_epsilon; 0",
                "layer_norm_epsilon; -1e-5",
                "layer_norm_epsilon; \"1e-5\"",
                "embd_pdrop; 1",
                "attn_pdrop; -0.1",
                "resid_pdrop; true",
                "scale_attn_weights; 1",
                "scale_attn_by_inverse_layer_idx; \"no\"",
                "reorder_and_upcast_attn; 0",
                "tie_word_embeddings; 1",
                "bos_token_id; 100",
                "bos_token_id; -1",
                "eos_token_id; 100",
                "eos_token_id; [1,100]",
                "eos_token_id; \"</s>\"",
                "add_cross_attention; true",
                "is_encoder_decoder; true",
                "pruned_heads; {\"0\":[1]}",
                "quantization_config; {}",
                "model_type; \"gpt_neo\"",
                "model_type; 2"
            })
    void refusesValues(String key, String value) throws Exception {
        refusedWith(key, value);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = ';',
            value = {
                "reorder_and_upcast_attn; true",
                "reorder_and_upcast_attn; false",
                "add_cross_attention; false",
                "pruned_heads; {}",
                "quantization_config; null",
                "auto_map; {\"AutoModel\":\"x.y\"}",
                "summary_type; 7",
                "use_cache; false",
                "n_inner; null"
            })
    void ignoresWhatDoesNotMatter(String key, String value) throws Exception {
        ignored(key, value);
    }

    @Test
    void takesEndTokensFromTheGenerationConfig() throws Exception {
        fields.put("eos_token_id", "1");
        assertEquals(List.of(1), read().endTokenIds());
        Path generation = folder.resolve("generation_config.json");
        Files.writeString(generation, "{\"eos_token_id\":[2,3]}");
        assertEquals(List.of(2, 3), read().endTokenIds());
        Files.writeString(generation, "{\"eos_token_id\":null}");
        assertEquals(List.of(1), read().endTokenIds());
        Files.writeString(generation, "{\"eos_token_id\":100}");
        assertThrows(MalformedModelException.class, this::read);
    }

    @Test
    void refusesFilesThatAreNotConfigurations() throws Exception {
        assertThrows(MalformedModelException.class, () -> Gpt2Config.read(folder));
        for (String text : List.of("", "[]", "{", "{\"n_embd\":1,\"n_embd\":1}")) {
            Files.writeString(folder.resolve("config.json"), text);
            assertThrows(MalformedModelException.class, () -> Gpt2Config.read(folder), text);
        }
        fields.put("note", '"' + "z".repeat(1 << 20) + '"');
        refused("larger than the 1048576 bytes");
    }

    @Test
    void readsModels() throws Exception {
        Gpt2Config config = Gpt2Config.read(SharedModels.folder("gpt2-kjv-6m"));
        assertEquals(4096, config.vocabularySize());
        assertEquals(1024, config.innerSize());
        assertEquals(0.15, config.attentionDropout());
        assertEquals(List.of(0), config.endTokenIds());
        Path bert = SharedModels.folder("bert-random-hd32");
        assertThrows(MalformedModelException.class, () -> Gpt2Config.read(bert));
    }

    @FuzzTest(maxDuration = "1m")
    void readsOrRefusesAnything(byte[] bytes) throws IOException {
        Files.write(folder.resolve("config.json"), bytes);
        try {
            Gpt2Config config = Gpt2Config.read(folder);
            assertEquals(0, config.embeddingSize() % config.heads());
        } catch (MalformedModelException expected) {
            assertTrue(expected.getMessage().startsWith("config.json"));
        }
    }
}
