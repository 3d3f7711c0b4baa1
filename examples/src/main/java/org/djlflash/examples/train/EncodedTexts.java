package org.djlflash.examples.train;

import ai.djl.huggingface.tokenizers.Encoding;
import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.djlflash.zoo.embed.TokenIds;

/** Labelled texts as BERT reads them: with the tokens that its tokenizer puts around a text. */
final class EncodedTexts {

    private final List<TokenIds> encoded = new ArrayList<>();
    private final long[] labels;
    private final int cut;

    /**
     * Encodes texts.
     *
     * @param texts the texts
     * @param labelNames the labels, in the order of their numbers
     * @param tokenizer cuts texts into tokens, and off what is too long
     */
    EncodedTexts(
            List<LabelledText> texts, List<String> labelNames, HuggingFaceTokenizer tokenizer) {
        int tooLong = 0;
        for (LabelledText text : texts) {
            Encoding encoding = tokenizer.encode(text.text());
            encoded.add(new TokenIds(encoding.getIds()));
            tooLong += encoding.exceedMaxLength() ? 1 : 0;
        }
        cut = tooLong;
        labels = texts.stream().mapToLong(text -> labelNames.indexOf(text.label())).toArray();
    }

    int size() {
        return encoded.size();
    }

    /** The number of texts that were too long. */
    int cut() {
        return cut;
    }

    /** The number of tokens of the longest text. */
    int longest() {
        return encoded.stream().mapToInt(text -> text.ids().length).max().orElse(0);
    }

    /** The number of a text's label. */
    int label(int text) {
        return (int) labels[text];
    }

    /** Gives token ids, type ids and mask of texts, padded to the longest of them. */
    NDList inputs(NDManager manager, int... texts) {
        return TokenIds.pad(manager, IntStream.of(texts).mapToObj(encoded::get).toList());
    }

    /** Gives the numbers of texts' labels. */
    NDArray labels(NDManager manager, int... texts) {
        return manager.create(IntStream.of(texts).mapToLong(text -> labels[text]).toArray());
    }
}
