package org.djlflash.examples.train;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.djlflash.zoo.gpt2.Gpt2;
import org.djlflash.zoo.gpt2.Gpt2Block;

/** Writes Hugging Face folders. */
public final class Gpt2Folder {

    private static final List<String> COPIED =
            List.of(
                    "generation_config.json",
                    "tokenizer.json",
                    "tokenizer_config.json",
                    "special_tokens_map.json",
                    "vocab.json",
                    "merges.txt");

    private Gpt2Folder() {}

    /**
     * Writes a block's weights, with all else from the folder that it came from.
     *
     * @param block the block
     * @param origin the folder that the block was loaded from
     * @param target an empty folder
     * @throws IOException if a file cannot be copied or written
     */
    public static void write(Gpt2Block block, Path origin, Path target) throws IOException {
        for (String name : COPIED) {
            if (Files.exists(origin.resolve(name))) {
                Files.copy(origin.resolve(name), target.resolve(name));
            }
        }
        writeConfig(origin, target);
        Gpt2.saveWeights(block, target);
    }

    /** The weights are FLOAT32, whatever they were. */
    private static void writeConfig(Path origin, Path target) throws IOException {
        ObjectMapper mapper = new ObjectMapper();
        ObjectNode config = (ObjectNode) mapper.readTree(origin.resolve("config.json").toFile());
        config.remove("torch_dtype");
        config.put("dtype", "float32");
        mapper.writerWithDefaultPrettyPrinter()
                .writeValue(target.resolve("config.json").toFile(), config);
    }
}
