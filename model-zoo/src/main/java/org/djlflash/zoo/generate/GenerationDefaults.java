package org.djlflash.zoo.generate;

import ai.djl.MalformedModelException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.djlflash.zoo.json.JsonFields;
import org.djlflash.zoo.json.StrictJson;

/**
 * What {@code generation_config.json} says about generating text. Where it speaks, it overrides the
 * configuration of the model.
 *
 * @param endTokenIds the tokens that end a text, none if the file does not say
 */
public record GenerationDefaults(List<Integer> endTokenIds) {

    private static final String FILE = "generation_config.json";
    private static final int MAX_BYTES = 1 << 20;

    /**
     * Copies the list.
     *
     * @param endTokenIds the tokens that end a text
     */
    public GenerationDefaults {
        endTokenIds = List.copyOf(endTokenIds);
    }

    /**
     * Reads the file of a model folder, if there is one.
     *
     * @param folder the folder
     * @param vocabularySize the size of the vocabulary
     * @return the defaults, which say nothing if there is no file
     * @throws MalformedModelException if the file is not as it should be
     * @throws IOException if it cannot be read
     */
    public static GenerationDefaults read(Path folder, int vocabularySize)
            throws MalformedModelException, IOException {
        Path file = folder.resolve(FILE);
        if (!Files.exists(file)) {
            return new GenerationDefaults(List.of());
        }
        JsonFields fields = StrictJson.read(file, MAX_BYTES);
        return new GenerationDefaults(fields.optInts("eos_token_id", 0, vocabularySize - 1));
    }

    /**
     * Returns the tokens that end a text: those of this file, or else of the model's configuration.
     *
     * @param folder the folder of the model
     * @param config the configuration of the model
     * @param vocabularySize the size of the vocabulary
     * @return their ids, perhaps none
     * @throws MalformedModelException if a value is not allowed
     * @throws IOException if the file cannot be read
     */
    public static List<Integer> endTokenIds(Path folder, JsonFields config, int vocabularySize)
            throws MalformedModelException, IOException {
        List<Integer> own = config.optInts("eos_token_id", 0, vocabularySize - 1);
        List<Integer> overriding = read(folder, vocabularySize).endTokenIds();
        return overriding.isEmpty() ? own : overriding;
    }
}
