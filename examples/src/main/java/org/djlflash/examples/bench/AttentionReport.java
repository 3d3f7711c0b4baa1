package org.djlflash.examples.bench;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.djlflash.torch.ScalarType;

/** What {@code bench attention} prints. Not thread-safe. */
public final class AttentionReport {

    private static final int TEXT_COLUMNS = 2;

    private final ScalarType type;
    private final List<BackendName> backends;
    private final TextTable table;
    private final List<String> notes = new ArrayList<>();

    /**
     * Starts a report.
     *
     * @param type the element type
     * @param backends the backends measured
     */
    public AttentionReport(ScalarType type, List<BackendName> backends) {
        this.type = type;
        this.backends = List.copyOf(backends);
        List<String> header = new ArrayList<>(List.of("pass", "mask", "H", "B", "N", "T"));
        backends.forEach(backend -> header.add(backend.toString()));
        header.add("ours/best");
        header.add("attend/best");
        table = new TextTable(TEXT_COLUMNS, header);
    }

    /**
     * Adds a result.
     *
     * @param c the case
     * @param pass the pass
     * @param measured the result
     */
    public void add(AttentionCase c, Pass pass, Measured measured) {
        List<String> row = new ArrayList<>();
        row.add(pass.toString());
        row.add(mask(c));
        for (int size : new int[] {c.headSize(), c.batch(), c.heads(), c.tokens()}) {
            row.add(String.valueOf(size));
        }
        for (BackendName backend : backends) {
            row.add(
                    Cells.of(
                            measured,
                            backend,
                            "%.0f",
                            timing -> c.teraflops(pass, timing.microseconds())));
        }
        row.add(Cells.ratio(measured.ratio(BackendName.OURS)));
        row.add(Cells.ratio(measured.ratio(BackendName.ATTEND)));
        table.add(row);
        String where = pass + " " + mask(c) + " H=" + c.headSize() + " T=" + c.tokens();
        notes.addAll(Cells.notes(where, measured));
    }

    private static String mask(AttentionCase c) {
        return c.causal() ? "causal" : "full";
    }

    /**
     * Returns the table with what is needed to read it.
     *
     * @return its lines
     */
    public List<String> lines() {
        List<String> lines = new ArrayList<>(table.lines());
        lines.add("TFLOP/s; /best: speed as a multiple of the fastest of PyTorch's; " + HOW);
        lines.add(
                "flash is PyTorch's own, measured before our kernels are registered; in training attend"
                        + " and cudnn are measured, the others' times are the sums of the passes"
                        + " before");
        if (type == ScalarType.BFLOAT16) {
            lines.add("attend takes FLOAT32 arrays here, its casts are in the time");
        }
        lines.addAll(notes);
        return lines;
    }

    static final String HOW =
            "h: the GPU may have waited for the host; -: not measured; every result was checked";

    /**
     * Describes a result for machines.
     *
     * @param c the case
     * @param pass the pass
     * @param measured the result
     * @return an object for each backend
     */
    public List<Map<String, Object>> json(AttentionCase c, Pass pass, Measured measured) {
        Map<String, Object> common = new LinkedHashMap<>();
        common.put("bench", "attention");
        common.put("pass", pass.toString());
        common.put("causal", c.causal());
        common.put("head_size", c.headSize());
        common.put("batch", c.batch());
        common.put("heads", c.heads());
        common.put("tokens", c.tokens());
        common.put("type", type.toString());
        List<Map<String, Object>> all = new ArrayList<>();
        for (BackendName backend : Cells.present(measured)) {
            Map<String, Object> json = Cells.json(common, measured, backend);
            Timing timing = measured.timings().get(backend);
            if (timing != null) {
                json.put("tflops", c.teraflops(pass, timing.microseconds()));
            }
            all.add(json);
        }
        return all;
    }
}
