package org.djlflash.zoo.bert;

import ai.djl.MalformedModelException;
import java.io.IOException;
import java.nio.file.Path;
import org.djlflash.zoo.ConfigFile;
import org.djlflash.zoo.json.JsonFields;

/**
 * The shape of a BERT model.
 *
 * @param vocabularySize the number of tokens ({@code vocab_size})
 * @param maxPositions the greatest number of positions, S ({@code max_position_embeddings})
 * @param typeCount the number of token types ({@code type_vocab_size})
 * @param hiddenSize the width of the model, E ({@code hidden_size}), a multiple of the heads
 * @param layers the number of layers ({@code num_hidden_layers})
 * @param heads the number of attention heads ({@code num_attention_heads})
 * @param innerSize the width of the feed-forward part ({@code intermediate_size})
 * @param layerNormEpsilon what layer normalisation adds to the variance ({@code layer_norm_eps})
 * @param hiddenDropout the dropout after the embeddings and before each residual sum ({@code
 *     hidden_dropout_prob})
 * @param attentionDropout the dropout of the attention probabilities ({@code
 *     attention_probs_dropout_prob})
 */
public record BertConfig(
        int vocabularySize,
        int maxPositions,
        int typeCount,
        int hiddenSize,
        int layers,
        int heads,
        int innerSize,
        double layerNormEpsilon,
        double hiddenDropout,
        double attentionDropout) {

    /** What {@code model_type} says. */
    public static final String MODEL_TYPE = "bert";

    private static final int MAX_TYPES = 1 << 16;

    /**
     * Reads {@code config.json} of a model folder. Keys that change the function are required, or
     * have the default that Hugging Face documents, or are refused if this BERT does not have them;
     * other keys are ignored.
     *
     * @param folder the folder
     * @return the configuration
     * @throws MalformedModelException if the file is missing, a value is not allowed, or the model
     *     is not a BERT that is supported
     * @throws IOException if the file cannot be read
     */
    public static BertConfig read(Path folder) throws MalformedModelException, IOException {
        JsonFields fields = ConfigFile.read(folder, MODEL_TYPE);
        requireValue(fields, "hidden_act", "gelu");
        requireValue(fields, "position_embedding_type", "absolute");
        if (fields.optBoolean("is_decoder", false)) {
            throw fields.refuse("is_decoder", "false");
        }
        int hiddenSize = fields.requireInt("hidden_size", 1, ConfigFile.MAX_WIDTH);
        int heads = fields.requireInt("num_attention_heads", 1, hiddenSize);
        if (hiddenSize % heads != 0) {
            throw fields.refuse("num_attention_heads", "a divisor of hidden_size " + hiddenSize);
        }
        return new BertConfig(
                fields.requireInt("vocab_size", 1, ConfigFile.MAX_VOCABULARY),
                fields.requireInt("max_position_embeddings", 1, ConfigFile.MAX_POSITIONS),
                fields.optInt("type_vocab_size", 1, MAX_TYPES).orElse(2),
                hiddenSize,
                fields.requireInt("num_hidden_layers", 1, ConfigFile.MAX_LAYERS),
                heads,
                fields.requireInt("intermediate_size", 1, 4 * ConfigFile.MAX_WIDTH),
                fields.optDouble("layer_norm_eps", Double.MIN_NORMAL, 1, 1e-12),
                fields.optDouble("hidden_dropout_prob", 0, ConfigFile.MAX_DROPOUT, 0.1),
                fields.optDouble("attention_probs_dropout_prob", 0, ConfigFile.MAX_DROPOUT, 0.1));
    }

    private static void requireValue(JsonFields fields, String key, String value)
            throws MalformedModelException {
        if (!value.equals(fields.optString(key, value))) {
            throw fields.refuse(key, value);
        }
    }
}
