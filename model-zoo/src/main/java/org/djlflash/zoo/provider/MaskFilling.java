package org.djlflash.zoo.provider;

import ai.djl.Model;
import ai.djl.huggingface.tokenizers.Encoding;
import ai.djl.modality.Classifications;
import ai.djl.ndarray.NDList;
import ai.djl.translate.TranslatorContext;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.djlflash.zoo.bert.BertMaskedLanguageBlock;
import org.djlflash.zoo.embed.TokenIds;

/** The likeliest words in place of the mask of a text, for a {@link BertMaskedLanguageBlock}. */
final class MaskFilling extends EncoderTask {

    private static final String PLACES = MaskFilling.class.getName();
    private static final int DEFAULT_TOP_K = 5;

    private final String mask;
    private final long maskId;
    private final int topK;

    MaskFilling(Model model, BertMaskedLanguageBlock block, Map<String, ?> arguments)
            throws IOException {
        super(model, block.bert().config());
        int vocabulary = config().vocabularySize();
        topK = topK(arguments, Math.min(DEFAULT_TOP_K, vocabulary), vocabulary);
        Object argument = arguments.get("maskToken");
        mask = argument == null ? "[MASK]" : argument.toString();
        Encoding encoding = tokenizer().encode(mask, false, false);
        if (!List.of(mask).equals(List.of(encoding.getTokens()))) {
            throw new IllegalArgumentException(
                    "argument maskToken is "
                            + mask
                            + ", allowed is a token of the tokenizer's, found "
                            + List.of(encoding.getTokens()));
        }
        maskId = encoding.getIds()[0];
    }

    @Override
    void look(TranslatorContext ctx, List<TokenIds> texts) {
        ctx.setAttachment(PLACES, texts.stream().mapToInt(this::place).toArray());
    }

    private int place(TokenIds text) {
        int[] places =
                IntStream.range(0, text.ids().length)
                        .filter(i -> text.ids()[i] == maskId)
                        .toArray();
        if (places.length != 1) {
            throw new IllegalArgumentException(
                    places.length + " times " + mask + " in a text, allowed is once");
        }
        return places[0];
    }

    @Override
    public List<Classifications> decode(TranslatorContext ctx, NDList outputs) {
        int[] places = (int[]) ctx.getAttachment(PLACES);
        List<Classifications> results = new ArrayList<>();
        for (int row = 0; row < places.length; row++) {
            NDList best =
                    outputs.singletonOrThrow().get(row, places[row]).softmax(-1).topK(topK, -1);
            List<String> words =
                    Arrays.stream(best.get(1).toLongArray())
                            .mapToObj(id -> tokenizer().decode(new long[] {id}))
                            .toList();
            results.add(new Classifications(words, best.get(0)));
        }
        return results;
    }
}
