package org.djlflash.examples.bench;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** What {@code bench decode} prints. Not thread-safe. */
public final class DecodeReport {

    static final int ELEMENT_BYTES = 2;

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
        header.addAll(List.of("read", "read GB/s", "ours GB/s", "ours/best"));
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
        Timing read = result.read();
        row.add(read == null ? "-" : Cells.number("%.1f", read.microseconds()));
        row.add(read == null ? "-" : Cells.number("%.0f", gigabytesPerSecond(c, read)));
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
                "read: a kernel that only reads the same bytes; /best: speed as a multiple of the"
                        + " fastest of PyTorch's");
        lines.add(AttentionReport.HOW);
        lines.addAll(notes);
        return lines;
    }

    /**
     * Describes a result for machines.
     *
     * @param c the case
     * @param result the result
     * @return an object for each backend, and one for the read
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
        if (result.read() != null) {
            Map<String, Object> read = new LinkedHashMap<>(common);
            read.put("backend", "read");
            read.put("microseconds", result.read().microseconds());
            read.put("gb_per_s", gigabytesPerSecond(c, result.read()));
            all.add(read);
        }
        return all;
    }

    private double gigabytesPerSecond(DecodeCase c, Timing timing) {
        return DecodeCase.gigabytesPerSecond(bytes(c), timing.microseconds());
    }
}
