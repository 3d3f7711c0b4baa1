package org.djlflash.examples.train;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import ai.djl.training.dataset.ArrayDataset;
import ai.djl.training.dataset.Dataset;
import java.util.Arrays;
import java.util.List;

/**
 * Texts as BERT reads them: a token that stands for the whole text, then the text's own, then
 * padding, which the mask hides.
 */
final class EncodedTexts {

    /** A text ends with this token in GPT-2's vocabulary; here it is what is pooled. */
    private static final long WHOLE_TEXT = 0;

    private final long[][] ids;
    private final long[] labels;
    private final int tokens;
    private final int cut;

    EncodedTexts(
            List<LabelledText> texts,
            List<String> labelNames,
            HuggingFaceTokenizer tokenizer,
            int maxTokens) {
        ids =
                texts.stream()
                        .map(text -> tokenizer.encode(text.text()).getIds())
                        .toArray(long[][]::new);
        labels = texts.stream().mapToLong(text -> labelNames.indexOf(text.label())).toArray();
        int longest = 1 + Arrays.stream(ids).mapToInt(row -> row.length).max().orElse(0);
        tokens = Math.min(maxTokens, longest);
        cut = (int) Arrays.stream(ids).filter(row -> 1 + row.length > tokens).count();
    }

    int size() {
        return ids.length;
    }

    /** The number of texts that were too long. */
    int cut() {
        return cut;
    }

    Shape shape(long batchSize) {
        return new Shape(batchSize, tokens);
    }

    /** Gives token ids, type ids and mask of all texts. */
    NDList inputs(NDManager manager) {
        long[] padded = new long[size() * tokens];
        long[] mask = new long[padded.length];
        for (int row = 0; row < size(); row++) {
            int length = Math.min(ids[row].length, tokens - 1);
            padded[row * tokens] = WHOLE_TEXT;
            System.arraycopy(ids[row], 0, padded, row * tokens + 1, length);
            Arrays.fill(mask, row * tokens, row * tokens + 1 + length, 1);
        }
        NDArray idArray = manager.create(padded, shape(size()));
        return new NDList(idArray, idArray.zerosLike(), manager.create(mask, shape(size())));
    }

    Dataset dataset(NDManager manager, int batchSize, boolean shuffle) {
        return new ArrayDataset.Builder()
                .setData(inputs(manager).toArray(new NDArray[0]))
                .optLabels(manager.create(labels))
                .setSampling(batchSize, shuffle)
                .build();
    }
}
