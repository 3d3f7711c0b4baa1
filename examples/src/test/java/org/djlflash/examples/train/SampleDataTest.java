package org.djlflash.examples.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.Test;

class SampleDataTest {

    @Test
    void isAlwaysTheSame() {
        assertEquals(SampleSentences.text(), SampleSentences.text());
        assertEquals(SampleReviews.all(), SampleReviews.all());
    }

    @Test
    void noWordAloneTellsTheLabel() {
        for (String word : List.of("not", "good", "bad")) {
            List<String> labels =
                    SampleReviews.all().stream()
                            .filter(review -> List.of(review.text().split(" ")).contains(word))
                            .map(LabelledText::label)
                            .toList();
            double share = Collections.frequency(labels, "positive") / (double) labels.size();
            assertTrue(share > 0.3 && share < 0.7, word + ": " + share);
        }
    }

    @Test
    void heldOutTextsAreNotTrainedOn() {
        TextSplit split = TextSplit.of(SampleReviews.all(), 3);
        assertEquals(400, split.training().size());
        assertEquals(100, split.heldOut().size());
        for (LabelledText text : split.heldOut()) {
            assertFalse(split.training().contains(text), text.text());
        }
    }
}
