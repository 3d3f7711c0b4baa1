package org.djlflash.zoo.llama;

import ai.djl.MalformedModelException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.OptionalInt;
import org.djlflash.zoo.ConfigFile;
import org.djlflash.zoo.decoder.DecoderConfig;
import org.djlflash.zoo.generate.GenerationDefaults;
import org.djlflash.zoo.json.JsonFields;

/**
 * The shape of a Llama model.
 *
 * @param vocabularySize the number of tokens ({@code vocab_size})
 * @param maxPositions the greatest number of positions, S ({@code max_position_embeddings})
 * @param embeddingSize the width of the model, E ({@code hidden_size})
 * @param innerSize the width of the feed-forward part ({@code intermediate_size})
 * @param layers the number of layers ({@code num_hidden_layers})
 * @param heads the number of query heads, N ({@code num_attention_heads})
 * @param keyValueHeads the number of heads of keys and values, a divisor of N ({@code
 *     num_key_value_heads})
 * @param headSize the head size, H, even ({@code head_dim})
 * @param normEpsilon what normalisation adds to the mean square ({@code rms_norm_eps})
 * @param rotary how the rotary embedding turns
 * @param attentionBias whether the projections of the attention add a bias ({@code attention_bias})
 * @param innerBias whether those of the feed-forward part do ({@code mlp_bias})
 * @param attentionDropout the dropout of the attention probabilities ({@code attention_dropout})
 * @param tieWordEmbeddings whether the output layer shares the weight of the token embedding
 * @param endTokenIds the tokens that end a text, perhaps none ({@code eos_token_id})
 */
public record LlamaConfig(
        int vocabularySize,
        int maxPositions,
        int embeddingSize,
        int innerSize,
        int layers,
        int heads,
        int keyValueHeads,
        int headSize,
        double normEpsilon,
        RotarySettings rotary,
        boolean attentionBias,
        boolean innerBias,
        double attentionDropout,
        boolean tieWordEmbeddings,
        List<Integer> endTokenIds)
        implements DecoderConfig {

    /** What {@code model_type} says. */
    public static final String MODEL_TYPE = "llama";

    /**
     * Reads {@code config.json} of a model folder, and the end tokens of {@code
     * generation_config.json}, which override, if that file is there. Keys that change the function
     * are required, or have the default that Hugging Face documents, or are refused if this Llama
     * does not have them; other keys are ignored.
     *
     * @param folder the folder
     * @return the configuration
     * @throws MalformedModelException if the file is missing, a value is not allowed, or the model
     *     is not a Llama that is supported
     * @throws IOException if a file cannot be read
     */
    public static LlamaConfig read(Path folder) throws MalformedModelException, IOException {
        JsonFields fields = ConfigFile.read(folder, MODEL_TYPE);
        if (!List.of("silu", "swish").contains(fields.optString("hidden_act", "silu"))) {
            throw fields.refuse("hidden_act", "silu or swish");
        }
        int vocabularySize = fields.requireInt("vocab_size", 1, ConfigFile.MAX_VOCABULARY);
        int embeddingSize = fields.requireInt("hidden_size", 1, ConfigFile.MAX_WIDTH);
        int heads = fields.requireInt("num_attention_heads", 1, ConfigFile.MAX_WIDTH);
        return new LlamaConfig(
                vocabularySize,
                fields.requireInt("max_position_embeddings", 1, ConfigFile.MAX_POSITIONS),
                embeddingSize,
                fields.requireInt("intermediate_size", 1, 4 * ConfigFile.MAX_WIDTH),
                fields.requireInt("num_hidden_layers", 1, ConfigFile.MAX_LAYERS),
                heads,
                keyValueHeads(fields, heads),
                headSize(fields, embeddingSize, heads),
                fields.optDouble("rms_norm_eps", Double.MIN_NORMAL, 1, 1e-6),
                RotarySettings.read(fields),
                fields.optBoolean("attention_bias", false),
                fields.optBoolean("mlp_bias", false),
                fields.optDouble("attention_dropout", 0, ConfigFile.MAX_DROPOUT, 0),
                fields.optBoolean("tie_word_embeddings", false),
                GenerationDefaults.endTokenIds(folder, fields, vocabularySize));
    }

    private static int keyValueHeads(JsonFields fields, int heads) throws MalformedModelException {
        int keyValueHeads = fields.optInt("num_key_value_heads", 1, heads).orElse(heads);
        if (heads % keyValueHeads != 0) {
            throw fields.refuse("num_key_value_heads", "a divisor of num_attention_heads " + heads);
        }
        return keyValueHeads;
    }

    private static int headSize(JsonFields fields, int embeddingSize, int heads)
            throws MalformedModelException {
        OptionalInt given = fields.optInt("head_dim", 2, 4 * ConfigFile.MAX_WIDTH / heads);
        if (given.isEmpty() && embeddingSize % heads != 0) {
            throw fields.refuse("num_attention_heads", "a divisor of hidden_size " + embeddingSize);
        }
        int size = given.orElse(embeddingSize / heads);
        if (size % 2 != 0) {
            // The rotary embedding turns pairs.
            throw fields.refuse(
                    "head_dim", "even, or absent if hidden_size / num_attention_heads is even");
        }
        return size;
    }
}
