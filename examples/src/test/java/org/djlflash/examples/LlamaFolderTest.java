package org.djlflash.examples;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import ai.djl.Device;
import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import ai.djl.ndarray.types.DataType;
import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.StreamSupport;
import org.djlflash.zoo.Tokenizers;
import org.djlflash.zoo.generate.GenerationOptions;
import org.djlflash.zoo.generate.TextGenerator;
import org.djlflash.zoo.llama.Llama;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Commands with a Llama. */
class LlamaFolderTest {

    @TempDir private Path folder;

    @BeforeEach
    void write() throws Exception {
        TinyLlama.write(folder);
    }

    private JsonNode generate(String option, String prompt) throws Exception {
        return Run.of(
                        "generate",
                        "--model",
                        folder.toString(),
                        option,
                        prompt,
                        "--max-new-tokens",
                        "12",
                        "--device",
                        "cpu",
                        "--json")
                .json();
    }

    private static int[] ids(JsonNode json) {
        return StreamSupport.stream(json.get("new_ids").spliterator(), false)
                .mapToInt(JsonNode::asInt)
                .toArray();
    }

    @Test
    void generatesAsTheModelDoes() throws Exception {
        try (Llama model = Llama.load(folder, Device.cpu(), DataType.FLOAT32, null)) {
            int[] expected =
                    new TextGenerator(model)
                            .generate(
                                    new int[] {1, 4, 2},
                                    GenerationOptions.greedy(12),
                                    (id, count) -> true)
                            .ids();
            assertArrayEquals(expected, ids(generate("--ids", "1,4,2")));
        }
    }

    @Test
    void aTextBeginsWithTheTokenThatStartsIt() throws Exception {
        try (HuggingFaceTokenizer tokenizer = Tokenizers.open(folder)) {
            assertArrayEquals(new long[] {1, 4, 2}, Tokenizers.encodePrompt(tokenizer, "c a"));
        }
        assertArrayEquals(ids(generate("--ids", "1,4,2")), ids(generate("--prompt", "c a")));
    }

    @Test
    void tokenIdsNeedNoTokenizer() throws Exception {
        int[] expected = ids(generate("--ids", "1,4,2"));
        Files.delete(folder.resolve("tokenizer.json"));
        assertArrayEquals(expected, ids(generate("--ids", "1,4,2")));
        Run.of("generate", "--model", folder.toString(), "--prompt", "c a")
                .assertRefused(1, "no tokenizer.json");
    }

    @Test
    void measuresPerplexity() throws Exception {
        Path text = Files.writeString(folder.resolve("text"), "a b c d e f g h i a b c\n");
        JsonNode json =
                Run.of(
                                "perplexity",
                                "--model",
                                folder.toString(),
                                "--text",
                                text.toString(),
                                "--window",
                                "6",
                                "--json")
                        .json();
        assertEquals(2, json.get("windows").asInt());
    }

    @Test
    void isNotAGpt2() {
        Run.of("fine-tune-gpt2", "--model", folder.toString())
                .assertRefused(1, "\"model_type\" must be gpt2, found \"llama\"");
    }
}
