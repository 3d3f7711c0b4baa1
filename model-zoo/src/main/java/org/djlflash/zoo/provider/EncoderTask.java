package org.djlflash.zoo.provider;

import ai.djl.Model;
import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import ai.djl.modality.Classifications;
import ai.djl.ndarray.NDList;
import ai.djl.translate.TranslatorContext;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import org.djlflash.zoo.Tokenizers;
import org.djlflash.zoo.bert.BertConfig;
import org.djlflash.zoo.embed.TokenIds;

/** A task of a BERT with a head: texts in one padded batch, what is too long is cut off. */
abstract class EncoderTask implements TextTask<Classifications> {

    private final HuggingFaceTokenizer tokenizer;
    private final BertConfig config;

    /** Opens the tokenizer of a model, which closes it. */
    EncoderTask(Model model, BertConfig config) throws IOException {
        this.config = config;
        tokenizer = Tokenizers.openForEncoder(model.getModelPath(), config.maxPositions());
        model.getNDManager().attachInternal(tokenizer.getUid(), tokenizer);
    }

    final HuggingFaceTokenizer tokenizer() {
        return tokenizer;
    }

    final BertConfig config() {
        return config;
    }

    @Override
    public final NDList encode(TranslatorContext ctx, List<String> texts) {
        if (texts.isEmpty()) {
            throw new IllegalArgumentException("0 texts, allowed is 1 or more");
        }
        List<TokenIds> encoded = TokenIds.encode(tokenizer, texts);
        encoded.forEach(text -> text.requireWithin(config.vocabularySize(), config.typeCount()));
        look(ctx, encoded);
        return TokenIds.pad(ctx.getNDManager(), encoded);
    }

    /** Looks at the texts before they are lost in arrays. */
    void look(TranslatorContext ctx, List<TokenIds> texts) {
        // Most tasks need not.
    }

    /** Reads the argument {@code topK}. */
    static int topK(Map<String, ?> arguments, int absent, int greatest) {
        Object argument = arguments.get("topK");
        int topK;
        try {
            topK = argument == null ? absent : Integer.parseInt(argument.toString());
        } catch (NumberFormatException e) {
            topK = 0;
        }
        if (topK < 1 || topK > greatest) {
            throw new IllegalArgumentException(
                    "argument topK is " + argument + ", allowed is 1 to " + greatest);
        }
        return topK;
    }
}
