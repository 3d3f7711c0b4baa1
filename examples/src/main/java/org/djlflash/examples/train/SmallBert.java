package org.djlflash.examples.train;

import ai.djl.MalformedModelException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.djlflash.zoo.gpt2.Gpt2Config;
import org.djlflash.zoo.provider.EmbeddedModel;

/**
 * A small BERT without weights, as a Hugging Face folder: it learns from nothing what a few words
 * mean. Its tokens are those of the embedded GPT-2, whose first one stands for the whole text here.
 */
public final class SmallBert {

    private static final ObjectMapper MAPPER = new ObjectMapper();

    private SmallBert() {}

    /**
     * Writes the folder.
     *
     * @param folder an existing folder
     * @return the folder
     * @throws IOException if a file cannot be written
     */
    public static Path write(Path folder) throws IOException {
        Path gpt2 = EmbeddedModel.unpack();
        ObjectNode config = MAPPER.createObjectNode();
        config.put("model_type", "bert");
        config.put("vocab_size", vocabulary(gpt2));
        config.put("max_position_embeddings", 128);
        config.put("type_vocab_size", 1);
        config.put("hidden_size", 64);
        config.put("num_hidden_layers", 2);
        config.put("num_attention_heads", 4);
        config.put("intermediate_size", 128);
        config.put("hidden_act", "gelu");
        MAPPER.writeValue(folder.resolve("config.json").toFile(), config);
        ObjectNode tokenizer =
                (ObjectNode) MAPPER.readTree(gpt2.resolve("tokenizer.json").toFile());
        String first = tokenizer.get("added_tokens").get(0).get("content").asText();
        tokenizer.set("post_processor", wholeTextFirst(first));
        MAPPER.writeValue(folder.resolve("tokenizer.json").toFile(), tokenizer);
        return folder;
    }

    private static int vocabulary(Path gpt2) throws IOException {
        try {
            return Gpt2Config.read(gpt2).vocabularySize();
        } catch (MalformedModelException e) {
            throw new IOException("the embedded model is damaged", e);
        }
    }

    private static ObjectNode wholeTextFirst(String token) throws IOException {
        try (InputStream template = SmallBert.class.getResourceAsStream("post_processor.json")) {
            String text = new String(template.readAllBytes(), StandardCharsets.UTF_8);
            return (ObjectNode) MAPPER.readTree(text.replace("TOKEN", token));
        }
    }

    /** Tells whether a folder has weights. */
    static boolean hasWeights(Path folder) {
        return Files.exists(folder.resolve("model.safetensors"))
                || Files.exists(folder.resolve("model.safetensors.index.json"));
    }
}
