package org.djlflash.examples.train;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Consumer;

/** The files of a Hugging Face folder beside its weights. */
final class ModelFiles {

    private static final String CONFIG = "config.json";

    private static final List<String> COPIED =
            List.of(
                    "generation_config.json",
                    "tokenizer.json",
                    "tokenizer_config.json",
                    "special_tokens_map.json",
                    "vocab.json",
                    "vocab.txt",
                    "merges.txt");

    private ModelFiles() {}

    /**
     * Copies the files; the weights will be FLOAT32, whatever they were.
     *
     * @param origin the folder that the model came from
     * @param target an empty folder
     * @param change what else changes in the configuration
     */
    static void copy(Path origin, Path target, Consumer<ObjectNode> change) throws IOException {
        for (String name : COPIED) {
            if (Files.exists(origin.resolve(name))) {
                Files.copy(origin.resolve(name), target.resolve(name));
            }
        }
        ObjectMapper mapper = new ObjectMapper();
        ObjectNode config = (ObjectNode) mapper.readTree(origin.resolve(CONFIG).toFile());
        config.remove("torch_dtype");
        config.put("dtype", "float32");
        change.accept(config);
        mapper.writerWithDefaultPrettyPrinter().writeValue(target.resolve(CONFIG).toFile(), config);
    }
}
