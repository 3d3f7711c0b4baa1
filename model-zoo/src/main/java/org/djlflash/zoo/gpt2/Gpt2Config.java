package org.djlflash.zoo.gpt2;

import ai.djl.MalformedModelException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.OptionalInt;
import org.djlflash.zoo.Activation;
import org.djlflash.zoo.ConfigFile;
import org.djlflash.zoo.decoder.DecoderConfig;
import org.djlflash.zoo.generate.GenerationDefaults;
import org.djlflash.zoo.json.JsonFields;

/**
 * The shape of a GPT-2 model.
 *
 * @param vocabularySize the number of tokens ({@code vocab_size})
 * @param maxPositions the greatest number of positions, S ({@code n_positions})
 * @param embeddingSize the width of the model, E ({@code n_embd}), a multiple of the heads
 * @param layers the number of layers ({@code n_layer})
 * @param heads the number of attention heads ({@code n_head})
 * @param innerSize the width of the feed-forward part ({@code n_inner})
 * @param activation the activation of the feed-forward part
 * @param layerNormEpsilon what layer normalisation adds to the variance
 * @param embeddingDropout the dropout after the embeddings ({@code embd_pdrop})
 * @param attentionDropout the dropout of the attention probabilities ({@code attn_pdrop})
 * @param residualDropout the dropout before each residual sum ({@code resid_pdrop})
 * @param scaleAttention whether scores are divided by the root of the head size
 * @param scaleAttentionByInverseLayerIndex whether scores of layer i, from 0, are divided by i + 1
 * @param tieWordEmbeddings whether the output layer shares the weight of the token embedding
 * @param startTokenId the token that starts a text, if there is one ({@code bos_token_id})
 * @param endTokenIds the tokens that end a text, perhaps none ({@code eos_token_id})
 */
public record Gpt2Config(
        int vocabularySize,
        int maxPositions,
        int embeddingSize,
        int layers,
        int heads,
        int innerSize,
        Activation activation,
        double layerNormEpsilon,
        double embeddingDropout,
        double attentionDropout,
        double residualDropout,
        boolean scaleAttention,
        boolean scaleAttentionByInverseLayerIndex,
        boolean tieWordEmbeddings,
        OptionalInt startTokenId,
        List<Integer> endTokenIds)
        implements DecoderConfig {

    /** What {@code model_type} says. */
    public static final String MODEL_TYPE = "gpt2";

    /**
     * Reads {@code config.json} of a model folder, and the end tokens of {@code
     * generation_config.json}, which override, if that file is there. Keys that change the function
     * are required, or have the default that Hugging Face documents, or are refused if this GPT-2
     * does not have them; other keys are ignored.
     *
     * @param folder the folder
     * @return the configuration
     * @throws MalformedModelException if the file is missing, a value is not allowed, or the model
     *     is not a GPT-2 that is supported
     * @throws IOException if a file cannot be read
     */
    public static Gpt2Config read(Path folder) throws MalformedModelException, IOException {
        JsonFields fields = ConfigFile.read(folder, MODEL_TYPE);
        // Where the score is upcast does not change what is computed, but its type is still
        // checked.
        fields.optBoolean("reorder_and_upcast_attn", false);
        int vocabularySize = fields.requireInt("vocab_size", 1, ConfigFile.MAX_VOCABULARY);
        int embeddingSize = fields.requireInt("n_embd", 1, ConfigFile.MAX_WIDTH);
        int heads = fields.requireInt("n_head", 1, embeddingSize);
        if (embeddingSize % heads != 0) {
            throw fields.refuse("n_head", "a divisor of n_embd " + embeddingSize);
        }
        return new Gpt2Config(
                vocabularySize,
                fields.requireInt("n_positions", 1, ConfigFile.MAX_POSITIONS),
                embeddingSize,
                fields.requireInt("n_layer", 1, ConfigFile.MAX_LAYERS),
                heads,
                fields.optInt("n_inner", 1, 4 * ConfigFile.MAX_WIDTH).orElse(4 * embeddingSize),
                Activation.read(fields, "activation_function", "gelu_new"),
                fields.optDouble("layer_norm_epsilon", Double.MIN_NORMAL, 1, 1e-5),
                fields.optDouble("embd_pdrop", 0, ConfigFile.MAX_DROPOUT, 0.1),
                fields.optDouble("attn_pdrop", 0, ConfigFile.MAX_DROPOUT, 0.1),
                fields.optDouble("resid_pdrop", 0, ConfigFile.MAX_DROPOUT, 0.1),
                fields.optBoolean("scale_attn_weights", true),
                fields.optBoolean("scale_attn_by_inverse_layer_idx", false),
                fields.optBoolean("tie_word_embeddings", true),
                fields.optInt("bos_token_id", 0, vocabularySize - 1),
                GenerationDefaults.endTokenIds(folder, fields, vocabularySize));
    }

    @Override
    public int keyValueHeads() {
        return heads;
    }

    @Override
    public int headSize() {
        return embeddingSize / heads;
    }
}
