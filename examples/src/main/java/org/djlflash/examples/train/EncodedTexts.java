package org.djlflash.examples.train;

import ai.djl.huggingface.tokenizers.Encoding;
import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/** Labelled texts as BERT reads them: with the tokens that its tokenizer puts around a text. */
final class EncodedTexts {

    private final long[][] ids;
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
        ids = new long[texts.size()][];
        int tooLong = 0;
        for (int i = 0; i < ids.length; i++) {
            Encoding encoding = tokenizer.encode(texts.get(i).text());
            ids[i] = encoding.getIds();
            tooLong += encoding.exceedMaxLength() ? 1 : 0;
        }
        cut = tooLong;
        labels = texts.stream().mapToLong(text -> labelNames.indexOf(text.label())).toArray();
    }

    int size() {
        return ids.length;
    }

    /** The number of texts that were too long. */
    int cut() {
        return cut;
    }

    /** The number of tokens of the longest text. */
    int longest() {
        return Arrays.stream(ids).mapToInt(row -> row.length).max().orElse(0);
    }

    /** The number of a text's label. */
    int label(int text) {
        return (int) labels[text];
    }

    /** Gives token ids, type ids and mask of texts, padded to the longest of them. */
    NDList inputs(NDManager manager, int... texts) {
        int tokens = IntStream.of(texts).map(text -> ids[text].length).max().orElse(0);
        long[] padded = new long[texts.length * tokens];
        long[] mask = new long[padded.length];
        for (int row = 0; row < texts.length; row++) {
            long[] own = ids[texts[row]];
            System.arraycopy(own, 0, padded, row * tokens, own.length);
            Arrays.fill(mask, row * tokens, row * tokens + own.length, 1);
        }
        Shape shape = new Shape(texts.length, tokens);
        NDArray idArray = manager.create(padded, shape);
        return new NDList(idArray, idArray.zerosLike(), manager.create(mask, shape));
    }

    /** Gives the numbers of texts' labels. */
    NDArray labels(NDManager manager, int... texts) {
        return manager.create(IntStream.of(texts).mapToLong(text -> labels[text]).toArray());
    }
}
