package org.djlflash.examples.bench;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** What {@code bench generation} prints. Not thread-safe. */
public final class GenerationReport implements GenerationBench.Listener {

    private final GenerationBench.Settings settings;
    private final TextTable table =
            new TextTable(
                    1,
                    List.of(
                            "BxF",
                            "us/step",
                            "tokens/s",
                            "MB/step",
                            "limit tokens/s",
                            "of limit",
                            "prompt ms"));
    private final List<Map<String, Object>> json = new ArrayList<>();
    private double memory;

    /**
     * Starts a report.
     *
     * @param settings what is measured
     */
    public GenerationReport(GenerationBench.Settings settings) {
        this.settings = settings;
    }

    @Override
    public void memory(double gigabytesPerSecond) {
        memory = gigabytesPerSecond;
    }

    @Override
    public void measured(DecodeCase c, GenerationBench.Result result) {
        double tokens = c.batch() * 1e6 / result.microseconds();
        double share = result.limitMicroseconds(memory) / result.microseconds();
        table.add(
                List.of(
                        c.toString(),
                        Cells.number("%.1f", result.microseconds()),
                        Cells.number("%.0f", tokens),
                        Cells.number("%.0f", result.bytes() / 1e6),
                        Cells.number("%.0f", tokens / share),
                        Cells.number("%.0f %%", 100 * share),
                        Cells.number("%.0f", result.promptMilliseconds())));
        Map<String, Object> line = new LinkedHashMap<>();
        line.put("bench", "generation");
        line.put("model", settings.model().toString());
        line.put("batch", c.batch());
        line.put("context", c.keys());
        line.put("temperature", settings.sampling().temperature());
        line.put("steps_at_once", settings.stepsAtOnce());
        line.put("microseconds", result.microseconds());
        line.put("tokens_per_s", tokens);
        line.put("bytes", result.bytes());
        line.put("memory_gb_per_s", memory);
        line.put("of_limit", share);
        line.put("prompt_ms", result.promptMilliseconds());
        json.add(line);
    }

    /**
     * Returns the last result for machines.
     *
     * @return an object
     */
    public Map<String, Object> json() {
        return json.get(json.size() - 1);
    }

    /**
     * Returns the table with what is needed to read it.
     *
     * @return its lines
     */
    public List<String> lines() {
        List<String> lines = new ArrayList<>(table.lines());
        lines.add(
                "B texts, F tokens before the first that is measured; model "
                        + settings.model()
                        + ", random weights, FLOAT16, "
                        + settings.stepsAtOnce()
                        + " steps before the host takes the tokens");
        lines.add(
                Cells.number(
                        "limit: weights, keys and values read once at %.0f GB/s, at which PyTorch"
                                + " sums 2 GiB",
                        memory));
        return lines;
    }
}
