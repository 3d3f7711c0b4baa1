package org.djlflash.zoo;

import ai.djl.MalformedModelException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.djlflash.zoo.json.JsonFields;
import org.djlflash.zoo.json.StrictJson;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The {@code config.json} of a Hugging Face folder, as far as all models have it. */
public final class ConfigFile {

    /** The largest vocabulary that is believed. */
    public static final int MAX_VOCABULARY = 1 << 24;

    /** The greatest number of positions that is believed. */
    public static final int MAX_POSITIONS = 1 << 24;

    /** The largest embedding that is believed. */
    public static final int MAX_WIDTH = 1 << 18;

    /** The greatest number of layers that is believed. */
    public static final int MAX_LAYERS = 1 << 12;

    /** The greatest dropout that leaves something. */
    public static final double MAX_DROPOUT = Math.nextDown(1.0);

    private static final Logger logger = LoggerFactory.getLogger(ConfigFile.class);

    private static final String NAME = "config.json";
    private static final int MAX_BYTES = 1 << 20;

    private ConfigFile() {}

    /**
     * Reads the file.
     *
     * @param folder the folder
     * @return its fields
     * @throws MalformedModelException if it is missing or not one JSON object
     * @throws IOException if it cannot be read
     */
    public static JsonFields read(Path folder) throws MalformedModelException, IOException {
        return StrictJson.read(folder.resolve(NAME), MAX_BYTES);
    }

    /**
     * Reads the file, and refuses what no model here has.
     *
     * @param folder the folder
     * @param modelType the {@code model_type} that it must have
     * @return its fields
     * @throws MalformedModelException if it is missing, not one JSON object or of another model
     * @throws IOException if it cannot be read
     */
    public static JsonFields read(Path folder, String modelType)
            throws MalformedModelException, IOException {
        JsonFields fields = read(folder);
        if (!modelType.equals(fields.requireString("model_type"))) {
            throw fields.refuse("model_type", modelType);
        }
        for (String key : List.of("add_cross_attention", "is_encoder_decoder")) {
            if (fields.optBoolean(key, false)) {
                throw fields.refuse(key, "false");
            }
        }
        if (fields.has("quantization_config")) {
            throw fields.refuse("quantization_config", "absent");
        }
        if (fields.has("pruned_heads") && !fields.requireObject("pruned_heads").keys().isEmpty()) {
            throw fields.refuse("pruned_heads", "empty");
        }
        if (fields.has("auto_map")) {
            logger.warn("{} names code of its own in auto_map; it is not run", NAME);
        }
        return fields;
    }
}
