package org.djlflash.examples.train;

import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;

/**
 * Reviews that are positive or negative; always the same. As "not" turns the meaning around, no
 * single word gives the label away.
 */
public final class SampleReviews {

    private static final int REVIEWS = 500;

    private static final List<String> WHAT =
            List.of("soup", "room", "music", "film", "garden", "bread", "service", "view");
    private static final List<String> WHEN =
            List.of("yesterday", "this morning", "last night", "on sunday", "again", "today");
    private static final List<String> GOOD =
            List.of("good", "lovely", "fresh", "pleasant", "excellent");
    private static final List<String> BAD = List.of("bad", "awful", "boring", "dirty", "terrible");

    private SampleReviews() {}

    /**
     * Generates the reviews.
     *
     * @return different reviews, labelled "positive" or "negative"
     */
    public static List<LabelledText> all() {
        Random random = new Random(2);
        Set<LabelledText> reviews = new LinkedHashSet<>();
        while (reviews.size() < REVIEWS) {
            boolean good = random.nextBoolean();
            boolean not = random.nextBoolean();
            String text =
                    String.format(
                            "the %s was %s%s %s",
                            any(WHAT, random),
                            not ? "not " : "",
                            any(good ? GOOD : BAD, random),
                            any(WHEN, random));
            reviews.add(new LabelledText(good == not ? "negative" : "positive", text));
        }
        return new ArrayList<>(reviews);
    }

    private static String any(List<String> words, Random random) {
        return words.get(random.nextInt(words.size()));
    }
}
