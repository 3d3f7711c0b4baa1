package org.djlflash.examples.bench;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.OptionalDouble;

/** The timings of the backends on one case, and why others have none. Not thread-safe. */
public final class Measured {

    private final Map<BackendName, Timing> timings = new LinkedHashMap<>();
    private final Map<BackendName, String> errors = new LinkedHashMap<>();

    /**
     * Adds a timing.
     *
     * @param backend the backend
     * @param timing its timing
     */
    public void time(BackendName backend, Timing timing) {
        timings.put(backend, timing);
    }

    /**
     * Adds a reason for there being no timing.
     *
     * @param backend the backend
     * @param error the reason
     */
    public void error(BackendName backend, String error) {
        errors.put(backend, error);
    }

    /**
     * Returns the timings.
     *
     * @return by backend
     */
    public Map<BackendName, Timing> timings() {
        return timings;
    }

    /**
     * Returns why others have none.
     *
     * @return by backend
     */
    public Map<BackendName, String> errors() {
        return errors;
    }

    /** Returns the shortest time of PyTorch's backends in microseconds. */
    OptionalDouble bestTorch() {
        return timings.entrySet().stream()
                .filter(entry -> entry.getKey().isTorch())
                .mapToDouble(entry -> entry.getValue().microseconds())
                .min();
    }

    /** Returns how many times as fast as PyTorch's fastest a backend is; empty without either. */
    OptionalDouble ratio(BackendName backend) {
        OptionalDouble best = bestTorch();
        return best.isPresent() && timings.containsKey(backend)
                ? OptionalDouble.of(best.getAsDouble() / timings.get(backend).microseconds())
                : OptionalDouble.empty();
    }
}
