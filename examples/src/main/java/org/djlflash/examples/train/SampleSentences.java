package org.djlflash.examples.train;

import java.util.List;
import java.util.Random;

/** A text about things that a model of the King James Bible has not read of; always the same. */
public final class SampleSentences {

    private static final int SENTENCES = 600;

    private static final List<String> WHO =
            List.of("robot", "pilot", "dentist", "tourist", "painter", "engineer", "kitten");
    private static final List<String> HOW =
            List.of("tiny", "clever", "sleepy", "noisy", "elegant", "orange");
    private static final List<String> DOES =
            List.of("repairs", "photographs", "borrows", "admires", "drops", "inspects");
    private static final List<String> WHAT =
            List.of("bicycle", "telescope", "sandwich", "guitar", "computer", "umbrella");
    private static final List<String> WHERE =
            List.of("at the airport", "near the museum", "on the train", "in the laboratory");

    private SampleSentences() {}

    /**
     * Generates the text.
     *
     * @return sentences, one a line
     */
    public static String text() {
        Random random = new Random(1);
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < SENTENCES; i++) {
            text.append("The ")
                    .append(any(HOW, random))
                    .append(' ')
                    .append(any(WHO, random))
                    .append(' ')
                    .append(any(DOES, random))
                    .append(" the ")
                    .append(any(WHAT, random))
                    .append(' ')
                    .append(any(WHERE, random))
                    .append(".\n");
        }
        return text.toString();
    }

    private static String any(List<String> words, Random random) {
        return words.get(random.nextInt(words.size()));
    }
}
