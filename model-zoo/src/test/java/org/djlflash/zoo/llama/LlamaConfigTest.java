package org.djlflash.zoo.llama;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.MalformedModelException;
import com.code_intelligence.jazzer.junit.FuzzTest;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.djlflash.zoo.ConfigFixture;
import org.djlflash.zoo.SharedModels;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class LlamaConfigTest extends ConfigFixture<LlamaConfig> {

    private static final String LLAMA3 =
            "{\"rope_type\":\"llama3\",\"factor\":8,\"low_freq_factor\":1,\"high_freq_factor\":4,"
                    + "\"original_max_position_embeddings\":8192}";

    @Override
    protected LlamaConfig read(Path folder) throws IOException, MalformedModelException {
        return LlamaConfig.read(folder);
    }

    @BeforeEach
    void minimal() {
        fields.put("model_type", "\"llama\"");
        fields.put("vocab_size", "100");
        fields.put("max_position_embeddings", "16");
        fields.put("hidden_size", "24");
        fields.put("intermediate_size", "40");
        fields.put("num_hidden_layers", "2");
        fields.put("num_attention_heads", "6");
    }

    @Test
    void hasTheDefaultsOfHuggingFace() throws Exception {
        LlamaConfig expected =
                new LlamaConfig(
                        100,
                        16,
                        24,
                        40,
                        2,
                        6,
                        6,
                        4,
                        1e-6,
                        new RotarySettings(10_000, new RotaryScaling.None()),
                        false,
                        false,
                        0,
                        false,
                        List.of());
        assertEquals(expected, read());
    }

    @Test
    void readsEveryKey() throws Exception {
        fields.put("num_key_value_heads", "2");
        fields.put("head_dim", "16");
        fields.put("rms_norm_eps", "1e-5");
        fields.put("rope_theta", "500000.0");
        fields.put("rope_scaling", LLAMA3);
        fields.put("attention_bias", "true");
        fields.put("mlp_bias", "true");
        fields.put("attention_dropout", "0.25");
        fields.put("tie_word_embeddings", "true");
        fields.put("eos_token_id", "[98,99]");
        LlamaConfig expected =
                new LlamaConfig(
                        100,
                        16,
                        24,
                        40,
                        2,
                        6,
                        2,
                        16,
                        1e-5,
                        new RotarySettings(500_000, new RotaryScaling.Llama3(8, 1, 4, 8192)),
                        true,
                        true,
                        0.25,
                        true,
                        List.of(98, 99));
        assertEquals(expected, read());
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = ';',
            value = {
                "rope_scaling; {'rope_type':'default'}; 7000",
                "rope_scaling; {'type':'default','rope_type':'default'}; 7000",
                "rope_parameters; {'rope_type':'default','rope_theta':9000}; 9000",
                "rope_parameters; {'rope_type':'default'}; 7000",
                "rope_scaling; null; 7000"
            })
    void findsTheBase(String key, String value, double base) throws Exception {
        fields.put("rope_theta", "7000");
        fields.put(key, value.replace('\'', '"'));
        assertEquals(new RotarySettings(base, new RotaryScaling.None()), read().rotary());
    }

    @ParameterizedTest
    @ValueSource(strings = {"type", "rope_type"})
    void readsLinearScaling(String key) throws Exception {
        fields.put("rope_scaling", "{\"" + key + "\":\"linear\",\"factor\":2.5}");
        assertEquals(new RotaryScaling.Linear(2.5), read().rotary().scaling());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "model_type",
                "vocab_size",
                "max_position_embeddings",
                "hidden_size",
                "intermediate_size",
                "num_hidden_layers",
                "num_attention_heads"
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
                "model_type; \"mistral\"; must be llama, found \"mistral\"",
                "vocab_size; 0; an integer from 1 to 16777216, found 0",
                "vocab_size; 2000000000; an integer from 1 to 16777216",
                "max_position_embeddings; 1e5; an integer",
                "hidden_size; 1000000000; an integer from 1 to 262144",
                "intermediate_size; -1; found -1",
                "num_hidden_layers; 100000; an integer from 1 to 4096",
                "num_attention_heads; 7; a divisor of hidden_size 24, found 7",
                "num_key_value_heads; 4; a divisor of num_attention_heads 6, found 4",
                "num_key_value_heads; 12; an integer from 1 to 6, found 12",
                "num_key_value_heads; 0; found 0",
                "head_dim; 5; even, or absent",
                "head_dim; 0; found 0",
                "head_dim; 1000000; found 1000000",
                "hidden_act; \"gelu\"; silu or swish, found \"gelu\"",
                "rms_norm_eps; 0; found 0",
                "rms_norm_eps; \"1e-5\"; a number",
                "rope_theta; 0; a number from 1.0",
                "rope_theta; 1e30; found 1.0E30",
                "rope_scaling; 2; an object, found 2",
                "partial_rotary_factor; 0.5; 1 or absent, found 0.5",
                "attention_bias; 1; true or false, found 1",
                "mlp_bias; \"no\"; true or false",
                "attention_dropout; 1; a number from 0.0",
                "tie_word_embeddings; 0; true or false",
                "eos_token_id; 100; an integer from 0 to 99, found 100",
                "quantization_config; {}; absent",
                "pruned_heads; {\"0\":[1]}; empty"
            })
    void refusesValues(String key, String value, String allowed) throws Exception {
        refusedWith(key, value, allowed);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = ';',
            value = {
                "{}; \"rope_type\" must be default, linear or llama3, found nothing",
                "{'factor':2}; \"rope_type\" must be default, linear or llama3, found nothing",
                "{'rope_type':'yarn'}; must be default, linear or llama3, found \"yarn\"",
                "{'type':'dynamic'}; \"type\" must be default, linear or llama3",
                "{'rope_type':3}; \"rope_type\" must be a string, found 3",
                "{'rope_type':'linear'}; \"factor\" must be a number from 1.0",
                "{'rope_type':'linear','factor':0.5}; found 0.5",
                "{'rope_type':'linear','factor':1e300}; found 1.0E300",
                "{'rope_type':'llama3','factor':8}; \"low_freq_factor\" must be",
                "{'rope_type':'llama3','factor':8,'low_freq_factor':4,'high_freq_factor':4};"
                        + " \"high_freq_factor\" must be a number from 4.0000",
                "{'rope_type':'llama3','factor':8,'low_freq_factor':1,'high_freq_factor':4};"
                        + " \"original_max_position_embeddings\" must be an integer",
                "{'rope_type':'default','partial_rotary_factor':0.5};"
                        + " \"partial_rotary_factor\" must be 1 or absent",
            })
    void refusesScalings(String value, String message) throws Exception {
        for (String key : List.of("rope_scaling", "rope_parameters")) {
            fields.put(key, value.replace('\'', '"'));
            refused('"' + key + "\": ");
            refused(message);
            fields.remove(key);
        }
    }

    @Test
    void refusesTwoScalings() throws Exception {
        fields.put("rope_scaling", LLAMA3);
        fields.put("rope_parameters", LLAMA3);
        refused("\"rope_scaling\" must be absent beside rope_parameters");
    }

    @Test
    void refusesAnOddHeadThatFollows() throws Exception {
        fields.put("num_attention_heads", "8");
        refused("\"head_dim\" must be even, or absent");
        fields.put("head_dim", "4");
        read();
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = ';',
            value = {
                "pretraining_tp; 4",
                "hidden_act; \"swish\"",
                "use_cache; false",
                "type; \"anything\"",
                "partial_rotary_factor; 1.0",
                "num_key_value_heads; null",
                "head_dim; null"
            })
    void ignoresWhatDoesNotMatter(String key, String value) throws Exception {
        ignored(key, value);
    }

    @Test
    void readsModels() throws Exception {
        LlamaConfig config = LlamaConfig.read(SharedModels.folder("llama-random-gqa4"));
        assertEquals(8, config.heads());
        assertEquals(2, config.keyValueHeads());
        assertEquals(16, config.headSize());
        assertEquals(1e-5, config.normEpsilon());
        assertEquals(List.of(0), config.endTokenIds());
        Path gpt2 = SharedModels.folder("gpt2-random-hd32");
        assertThrows(MalformedModelException.class, () -> LlamaConfig.read(gpt2));
    }

    @FuzzTest(maxDuration = "1m")
    void readsOrRefusesAnything(byte[] bytes) throws IOException {
        Files.write(folder.resolve("config.json"), bytes);
        try {
            LlamaConfig config = LlamaConfig.read(folder);
            assertEquals(0, config.heads() % config.keyValueHeads());
            assertEquals(0, config.headSize() % 2);
        } catch (MalformedModelException expected) {
            assertTrue(expected.getMessage().startsWith("config.json"));
        }
    }
}
