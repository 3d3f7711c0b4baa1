package org.djlflash.zoo.embed;

import ai.djl.MalformedModelException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import org.djlflash.zoo.json.JsonFields;
import org.djlflash.zoo.json.StrictJson;

/**
 * Reads what sentence-transformers puts beside a model: {@code modules.json}, the {@code
 * config.json} of its pooling, {@code sentence_bert_config.json}.
 */
public final class SentenceTransformersFolder {

    private static final String MODULES = "modules.json";
    private static final String LENGTHS = "sentence_bert_config.json";
    private static final int MAX_BYTES = 1 << 20;
    private static final Pattern PLAIN_NAME = Pattern.compile("\\w[\\w.-]*");
    private static final String MODE_PREFIX = "pooling_mode_";

    private SentenceTransformersFolder() {}

    /**
     * Reads the options of a folder; without such files they are those that sentence-transformers
     * takes then: the mean, not normalised, of as many tokens as the model has positions.
     *
     * @param folder the folder
     * @param hiddenSize the width of the model
     * @param maxPositions the greatest number of tokens that the model takes
     * @return the options
     * @throws MalformedModelException if the files ask for what is not supported
     * @throws IOException if they cannot be read
     */
    public static EmbeddingOptions read(Path folder, int hiddenSize, int maxPositions)
            throws IOException, MalformedModelException {
        Pooling pooling = Pooling.MEAN;
        boolean normalize = false;
        if (Files.exists(folder.resolve(MODULES))) {
            List<JsonFields> modules = StrictJson.readList(folder.resolve(MODULES), MAX_BYTES);
            List<String> kinds = new ArrayList<>();
            for (JsonFields module : modules) {
                String kind = kind(module);
                switch (kind) {
                    case "Transformer" -> requirePath(module, "");
                    case "Pooling" -> pooling = pooling(folder, module, hiddenSize);
                    case "Normalize" -> normalize = true;
                    default -> throw module.refuse("type", "a Transformer, Pooling or Normalize");
                }
                kinds.add(kind);
            }
            if (!kinds.equals(List.of("Transformer", "Pooling"))
                    && !kinds.equals(List.of("Transformer", "Pooling", "Normalize"))) {
                throw new MalformedModelException(
                        MODULES
                                + ": modules must be Transformer, Pooling and perhaps Normalize, in"
                                + " this order, found "
                                + kinds);
            }
        }
        return new EmbeddingOptions(pooling, normalize, maxTokens(folder, maxPositions));
    }

    private static String kind(JsonFields module) throws MalformedModelException {
        String type = module.requireString("type");
        return type.substring(type.lastIndexOf('.') + 1);
    }

    private static void requirePath(JsonFields module, String path) throws MalformedModelException {
        if (!path.equals(module.optString("path", ""))) {
            throw module.refuse("path", "empty");
        }
    }

    private static Pooling pooling(Path folder, JsonFields module, int hiddenSize)
            throws IOException, MalformedModelException {
        String path = module.requireString("path");
        if (!PLAIN_NAME.matcher(path).matches()) {
            throw module.refuse("path", "the plain name of a folder");
        }
        JsonFields fields = StrictJson.read(folder.resolve(path).resolve("config.json"), MAX_BYTES);
        if (fields.optInt("word_embedding_dimension", 1, Integer.MAX_VALUE).orElse(hiddenSize)
                != hiddenSize) {
            throw fields.refuse(
                    "word_embedding_dimension", "the width of the model, " + hiddenSize);
        }
        return pooling(fields);
    }

    private static Pooling pooling(JsonFields fields) throws MalformedModelException {
        if (fields.has("pooling_mode")) {
            return switch (fields.requireString("pooling_mode")) {
                case "mean" -> Pooling.MEAN;
                case "cls" -> Pooling.CLS;
                default -> throw fields.refuse("pooling_mode", "mean or cls");
            };
        }
        Pooling pooling = null;
        for (String key : fields.keys()) {
            if (key.startsWith(MODE_PREFIX) && fields.optBoolean(key, false)) {
                Pooling mode =
                        switch (key.substring(MODE_PREFIX.length())) {
                            case "mean_tokens" -> Pooling.MEAN;
                            case "cls_token" -> Pooling.CLS;
                            default -> throw fields.refuse(key, "false");
                        };
                if (pooling != null) {
                    throw fields.refuse(key, "false beside another pooling");
                }
                pooling = mode;
            }
        }
        if (pooling == null) {
            throw fields.refuse("pooling_mode_mean_tokens", "true, as no other pooling is");
        }
        return pooling;
    }

    private static int maxTokens(Path folder, int maxPositions)
            throws IOException, MalformedModelException {
        if (!Files.exists(folder.resolve(LENGTHS))) {
            return maxPositions;
        }
        JsonFields fields = StrictJson.read(folder.resolve(LENGTHS), MAX_BYTES);
        if (fields.optBoolean("do_lower_case", false)) {
            throw fields.refuse("do_lower_case", "false: tokenizer.json lowers letters itself");
        }
        return Math.min(
                maxPositions,
                fields.optInt("max_seq_length", 1, Integer.MAX_VALUE).orElse(maxPositions));
    }
}
