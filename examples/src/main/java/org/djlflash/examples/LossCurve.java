package org.djlflash.examples;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** The losses of a training, in a few lines. */
final class LossCurve {

    private static final int LINES = 8;

    private LossCurve() {}

    /** Each line is the mean of some steps, as the batches of single steps differ. */
    static List<String> lines(List<Float> losses) {
        int steps = Math.max(1, (losses.size() + LINES - 1) / LINES);
        List<String> lines = new ArrayList<>();
        for (int from = 0; from < losses.size(); from += steps) {
            int to = Math.min(losses.size(), from + steps);
            double mean =
                    losses.subList(from, to).stream()
                            .mapToDouble(Float::doubleValue)
                            .average()
                            .orElseThrow();
            lines.add(String.format("steps %3d to %3d: %s", from + 1, to, text(mean)));
        }
        return lines;
    }

    static String text(double loss) {
        return String.format(Locale.ROOT, "loss %.4f", loss);
    }
}
