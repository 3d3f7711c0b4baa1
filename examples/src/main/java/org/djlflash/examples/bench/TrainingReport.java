package org.djlflash.examples.bench;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** What {@code bench training} prints of a case. Not thread-safe. */
public final class TrainingReport {

    private static final double GIGABYTE = 1e9;

    private final TrainingCase c;
    private final TextTable table;
    private final List<String> notes = new ArrayList<>();
    private TrainingBench.Cost first;

    /**
     * Starts a report.
     *
     * @param c the case
     */
    public TrainingReport(TrainingCase c) {
        this.c = c;
        table =
                new TextTable(
                        1, List.of(c.toString(), "ms/step", "tokens/s", "speed", "GB", "memory"));
    }

    /**
     * Adds a variant; the first is what others are compared with.
     *
     * @param variant the variant
     * @param cost what it needs, or null if it failed
     * @param failure why it failed, or null
     */
    public void add(TrainingVariant variant, TrainingBench.Cost cost, String failure) {
        if (cost == null) {
            table.add(List.of(variant.toString(), "error", "-", "-", "-", "-"));
            notes.add(variant + ": " + failure);
            return;
        }
        first = first == null ? cost : first;
        table.add(
                List.of(
                        variant.toString(),
                        Cells.number("%.1f", cost.milliseconds()),
                        Cells.number("%.0f", tokensPerSecond(cost)),
                        Cells.number("%.2f", first.milliseconds() / cost.milliseconds()),
                        Cells.number("%.2f", cost.bytes() / GIGABYTE),
                        Cells.number("%.2f", (double) cost.bytes() / first.bytes())));
    }

    private double tokensPerSecond(TrainingBench.Cost cost) {
        return 1e3 * c.batch() * c.tokens() / cost.milliseconds();
    }

    /**
     * Describes a variant for machines.
     *
     * @param variant the variant
     * @param cost what it needs, or null if it failed
     * @param failure why it failed, or null
     * @return an object
     */
    public Map<String, Object> json(
            TrainingVariant variant, TrainingBench.Cost cost, String failure) {
        Map<String, Object> json = common(variant);
        json.put("dropout", c.dropout());
        if (cost == null) {
            json.put("error", failure);
        } else {
            json.put("milliseconds", cost.milliseconds());
            json.put("tokens_per_s", tokensPerSecond(cost));
            json.put("bytes", cost.bytes());
        }
        return json;
    }

    private Map<String, Object> common(TrainingVariant variant) {
        Map<String, Object> json = new LinkedHashMap<>();
        json.put("bench", "training");
        json.put("model", c.kind().toString());
        json.put("layers", c.layers());
        json.put("batch", c.batch());
        json.put("tokens", c.tokens());
        json.put("variant", variant.toString());
        return json;
    }

    /**
     * Describes a curve for machines.
     *
     * @param variant the variant
     * @param losses the loss of each step
     * @return an object
     */
    public Map<String, Object> json(TrainingVariant variant, List<Float> losses) {
        Map<String, Object> json = common(variant);
        json.put("losses", losses);
        return json;
    }

    /**
     * Compares two curves.
     *
     * @param expected the one
     * @param actual the other
     * @return the largest relative distance of a step's losses, and that of the last steps' means
     */
    public static String distance(List<Float> expected, List<Float> actual) {
        double largest = 0;
        for (int i = 0; i < expected.size(); i++) {
            largest = Math.max(largest, Math.abs(actual.get(i) / expected.get(i) - 1));
        }
        return Cells.number("%.2e at most", largest)
                + Cells.number(", %.2e at the end", Math.abs(end(actual) / end(expected) - 1));
    }

    private static double end(List<Float> losses) {
        int from = Math.max(0, losses.size() - 4);
        return losses.subList(from, losses.size()).stream()
                .mapToDouble(Float::doubleValue)
                .average()
                .orElseThrow();
    }

    /**
     * Returns the table with what is needed to read it.
     *
     * @return its lines
     */
    public List<String> lines() {
        List<String> lines = new ArrayList<>(table.lines());
        lines.add(
                "whole steps with Adam, dropout "
                        + c.dropout()
                        + "; speed and memory: multiples of the first; GB: what PyTorch took at"
                        + " most");
        lines.addAll(notes);
        return lines;
    }
}
