package org.djlflash.examples.bench;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** What {@code bench decode} prints. Not thread-safe. */
public final class DecodeReport {

    private static final int ELEMENT_BYTES = 2;

    private final DecodeBench.Settings settings;
    private final TextTable table;
    private final List<String> notes = new ArrayList<>();

    /**
     * Starts a report.
     *
     * @param settings what is measured
     */
    public DecodeReport(DecodeBench.Settings settings) {
        this.settings = settings;
        List<String> header = new ArrayList<>(List.of("BxF", "MB"));
        settings.backends().forEach(backend -> header.add(backend.toString()));
        header.addAll(List.of("sum", "copy", "fastest GB/s", "ours GB/s", "ours/best"));
        table = new TextTable(1, header);
    }

    /**
     * Adds a result.
     *
     * @param c the case
     * @param result the result
     */
    public void add(DecodeCase c, DecodeBench.Result result) {
        Measured measured = result.attention();
        long bytes = bytes(c);
        List<String> row = new ArrayList<>();
        row.add(c.toString());
        row.add(Cells.number("%.1f", bytes / 1e6));
        for (BackendName backend : settings.backends()) {
            row.add(Cells.of(measured, backend, "%.1f", Timing::microseconds));
        }
        row.add(time(result.sum()));
        row.add(time(result.copy()));
        row.add(fastest(bytes, result));
        row.add(
                Cells.of(
                        measured,
                        BackendName.OURS,
                        "%.0f",
                        timing -> DecodeCase.gigabytesPerSecond(bytes, timing.microseconds())));
        row.add(Cells.ratio(measured.ratio(BackendName.OURS)));
        table.add(row);
        notes.addAll(Cells.notes(c.toString(), measured));
        if (!result.eager().isEmpty()) {
            notes.add(c + ": called one by one, not as a graph: " + result.eager());
        }
    }

    private long bytes(DecodeCase c) {
        return c.bytes(settings.keyHeads(), settings.headSize(), ELEMENT_BYTES);
    }

    private static String time(Timing timing) {
        return timing == null ? "-" : Cells.number("%.1f", timing.microseconds());
    }

    /** What memory can do: the faster of sum and copy. */
    private static String fastest(long bytes, DecodeBench.Result result) {
        if (result.sum() == null) {
            return "-";
        }
        double time = Math.min(result.sum().microseconds(), result.copy().microseconds());
        return Cells.number("%.0f", DecodeCase.gigabytesPerSecond(bytes, time));
    }

    /**
     * Returns the table with what is needed to read it.
     *
     * @return its lines
     */
    public List<String> lines() {
        List<String> lines = new ArrayList<>(table.lines());
        lines.add(
                "microseconds of the kernels, replayed as CUDA graphs over caches that are not in L2;"
                        + " MB: keys and values");
        lines.add(
                "sum: PyTorch's sum of the same bytes; copy: a copy of half of them, read and written;"
                        + " /best: speed as a multiple of the fastest of PyTorch's");
        lines.add(AttentionReport.HOW);
        lines.addAll(notes);
        return lines;
    }

    /**
     * Describes a result for machines.
     *
     * @param c the case
     * @param result the result
     * @return an object for each backend, one for the sum and one for the copy
     */
    public List<Map<String, Object>> json(DecodeCase c, DecodeBench.Result result) {
        Map<String, Object> common = new LinkedHashMap<>();
        common.put("bench", "decode");
        common.put("batch", c.batch());
        common.put("keys", c.keys());
        common.put("query_heads", settings.queryHeads());
        common.put("key_heads", settings.keyHeads());
        common.put("head_size", settings.headSize());
        common.put("bytes", bytes(c));
        List<Map<String, Object>> all = new ArrayList<>();
        for (BackendName backend : Cells.present(result.attention())) {
            Map<String, Object> json = Cells.json(common, result.attention(), backend);
            Timing timing = result.attention().timings().get(backend);
            if (timing != null) {
                json.put("method", result.eager().contains(backend) ? "calls" : "graph");
                json.put("gb_per_s", gigabytesPerSecond(c, timing));
            }
            all.add(json);
        }
        if (result.sum() != null) {
            all.add(bound(common, c, "sum", result.sum()));
            all.add(bound(common, c, "copy", result.copy()));
        }
        return all;
    }

    private Map<String, Object> bound(
            Map<String, Object> common, DecodeCase c, String name, Timing timing) {
        Map<String, Object> json = new LinkedHashMap<>(common);
        json.put("backend", name);
        json.put("microseconds", timing.microseconds());
        json.put("gb_per_s", gigabytesPerSecond(c, timing));
        return json;
    }

    private double gigabytesPerSecond(DecodeCase c, Timing timing) {
        return DecodeCase.gigabytesPerSecond(bytes(c), timing.microseconds());
    }
}
