package org.djlflash.examples.train;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;

/**
 * Labelled texts, shuffled; a fifth of them, but at most 512, is held out: not trained on, but
 * measured.
 *
 * @param labels the labels, sorted
 * @param training the texts to train on
 * @param heldOut the others
 */
public record TextSplit(
        List<String> labels, List<LabelledText> training, List<LabelledText> heldOut) {

    private static final int HELD_OUT_SHARE = 5;
    private static final int MAX_HELD_OUT = 512;

    /**
     * Splits texts.
     *
     * @param texts the texts, at least 5
     * @param seed the same seed gives the same split
     * @return the split
     * @throws IllegalArgumentException if there are not enough texts or labels
     */
    public static TextSplit of(List<LabelledText> texts, long seed) {
        if (texts.size() < HELD_OUT_SHARE) {
            throw new IllegalArgumentException(
                    texts.size() + " lines, allowed is " + HELD_OUT_SHARE + " or more");
        }
        List<String> labels = texts.stream().map(LabelledText::label).distinct().sorted().toList();
        if (labels.size() < 2) {
            throw new IllegalArgumentException(
                    "all texts have the label " + labels.get(0) + ", allowed are 2 labels or more");
        }
        List<LabelledText> shuffled = new ArrayList<>(texts);
        Collections.shuffle(shuffled, new Random(seed));
        int heldOut = Math.min(MAX_HELD_OUT, texts.size() / HELD_OUT_SHARE);
        return new TextSplit(
                labels,
                List.copyOf(shuffled.subList(heldOut, shuffled.size())),
                List.copyOf(shuffled.subList(0, heldOut)));
    }
}
