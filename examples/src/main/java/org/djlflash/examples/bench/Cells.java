package org.djlflash.examples.bench;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.function.ToDoubleFunction;

/** How timings look in tables and in JSON. */
final class Cells {

    /** Marks what may be the host's time. */
    private static final String HOST_BOUND = "h";

    private static final String ERROR = "error";
    private static final String NONE = "-";

    private Cells() {}

    /** Formats as English does. */
    static String number(String format, double value) {
        return String.format(Locale.ROOT, format, value);
    }

    /** Shows a backend's value: the number, why there is none, or that it was not asked for. */
    static String of(
            Measured measured, BackendName backend, String format, ToDoubleFunction<Timing> value) {
        if (measured.errors().containsKey(backend)) {
            return ERROR;
        }
        Timing timing = measured.timings().get(backend);
        return timing == null
                ? NONE
                : number(format, value.applyAsDouble(timing))
                        + (timing.hostBound() ? HOST_BOUND : "");
    }

    static String ratio(OptionalDouble ratio) {
        return ratio.isPresent() ? number("%.2f", ratio.getAsDouble()) : NONE;
    }

    /** Names what went wrong, a line for each backend. */
    static List<String> notes(String where, Measured measured) {
        List<String> notes = new ArrayList<>();
        measured.errors()
                .forEach((backend, error) -> notes.add(where + ", " + backend + ": " + error));
        return notes;
    }

    /** The fields of one backend that all benchmarks share. */
    static Map<String, Object> json(
            Map<String, Object> common, Measured measured, BackendName backend) {
        Map<String, Object> json = new LinkedHashMap<>(common);
        json.put("backend", backend.toString());
        Timing timing = measured.timings().get(backend);
        if (timing == null) {
            json.put("error", measured.errors().get(backend));
            return json;
        }
        json.put("microseconds", timing.microseconds());
        json.put("host_bound", timing.hostBound());
        measured.ratio(backend).ifPresent(ratio -> json.put("speed_to_best_pytorch", ratio));
        return json;
    }

    /** The backends that have a timing or an error, in the order of their declaration. */
    static List<BackendName> present(Measured measured) {
        List<BackendName> present = new ArrayList<>();
        for (BackendName backend : BackendName.values()) {
            if (measured.timings().containsKey(backend) || measured.errors().containsKey(backend)) {
                present.add(backend);
            }
        }
        return present;
    }
}
