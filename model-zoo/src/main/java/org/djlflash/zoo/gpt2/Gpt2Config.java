package org.djlflash.zoo.gpt2;

import ai.djl.MalformedModelException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.OptionalInt;
import org.djlflash.zoo.Activation;
import org.djlflash.zoo.generate.GenerationDefaults;
import org.djlflash.zoo.json.JsonFields;
import org.djlflash.zoo.json.StrictJson;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

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
        List<Integer> endTokenIds) {

    private static final Logger logger = LoggerFactory.getLogger(Gpt2Config.class);

    private static final String FILE = "config.json";
    private static final int MAX_BYTES = 1 << 20;
    private static final int MAX_VOCABULARY = 1 << 24;
    private static final int MAX_POSITIONS = 1 << 24;
    private static final int MAX_WIDTH = 1 << 18;
    private static final int MAX_LAYERS = 1 << 12;
    private static final double MAX_DROPOUT = Math.nextDown(1.0);

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
        JsonFields fields = StrictJson.read(folder.resolve(FILE), MAX_BYTES);
        checkSupported(fields);
        int vocabularySize = fields.requireInt("vocab_size", 1, MAX_VOCABULARY);
        int embeddingSize = fields.requireInt("n_embd", 1, MAX_WIDTH);
        int heads = fields.requireInt("n_head", 1, embeddingSize);
        if (embeddingSize % heads != 0) {
            throw fields.refuse("n_head", "a divisor of n_embd " + embeddingSize);
        }
        return new Gpt2Config(
                vocabularySize,
                fields.requireInt("n_positions", 1, MAX_POSITIONS),
                embeddingSize,
                fields.requireInt("n_layer", 1, MAX_LAYERS),
                heads,
                fields.optInt("n_inner", 1, 4 * MAX_WIDTH).orElse(4 * embeddingSize),
                Activation.read(fields, "activation_function", "gelu_new"),
                fields.optDouble("layer_norm_epsilon", Double.MIN_NORMAL, 1, 1e-5),
                fields.optDouble("embd_pdrop", 0, MAX_DROPOUT, 0.1),
                fields.optDouble("attn_pdrop", 0, MAX_DROPOUT, 0.1),
                fields.optDouble("resid_pdrop", 0, MAX_DROPOUT, 0.1),
                fields.optBoolean("scale_attn_weights", true),
                fields.optBoolean("scale_attn_by_inverse_layer_idx", false),
                fields.optBoolean("tie_word_embeddings", true),
                fields.optInt("bos_token_id", 0, vocabularySize - 1),
                endTokenIds(folder, fields, vocabularySize));
    }

    private static void checkSupported(JsonFields fields) throws MalformedModelException {
        if (!"gpt2".equals(fields.requireString("model_type"))) {
            throw fields.refuse("model_type", "gpt2");
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
            logger.warn("{} names code of its own in auto_map; it is not run", FILE);
        }
        // Where the score is upcast does not change what is computed, but its type is still
        // checked.
        fields.optBoolean("reorder_and_upcast_attn", false);
    }

    private static List<Integer> endTokenIds(Path folder, JsonFields fields, int vocabularySize)
            throws MalformedModelException, IOException {
        List<Integer> own = fields.optInts("eos_token_id", 0, vocabularySize - 1);
        List<Integer> overriding = GenerationDefaults.read(folder, vocabularySize).endTokenIds();
        return overriding.isEmpty() ? own : overriding;
    }
}
