package org.djlflash.examples.load;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** What became of many requests. Immutable. */
public final class LoadResult {

    private final List<Sample> samples;
    private final long nanoseconds;

    /**
     * Creates a result.
     *
     * @param samples what became of each
     * @param nanoseconds how long it all took
     */
    LoadResult(List<Sample> samples, long nanoseconds) {
        this.samples = List.copyOf(samples);
        this.nanoseconds = nanoseconds;
    }

    /**
     * Sums up the requests of a kind.
     *
     * @param kind the kind, or null for all
     * @return numbers by their names
     */
    public Map<String, Object> summary(Kind kind) {
        List<Sample> found =
                samples.stream().filter(one -> kind == null || one.kind() == kind).toList();
        double[] times = found.stream().mapToDouble(Sample::milliseconds).sorted().toArray();
        Map<String, Object> summary = new LinkedHashMap<>();
        summary.put("kind", kind == null ? "all" : kind.toString());
        summary.put("requests", found.size());
        summary.put("wrong", found.stream().filter(one -> one.wrong() != null).count());
        summary.put("p50_milliseconds", percentile(times, 50));
        summary.put("p99_milliseconds", percentile(times, 99));
        if (kind == null) {
            summary.put("seconds", nanoseconds / 1e9);
            summary.put("requests_per_second", found.size() / (nanoseconds / 1e9));
        }
        return summary;
    }

    /** The least number that so many percent of the numbers do not exceed. */
    static double percentile(double[] sorted, int percent) {
        if (sorted.length == 0) {
            return Double.NaN;
        }
        int rank = (int) Math.ceil(percent / 100.0 * sorted.length);
        return sorted[Math.max(rank, 1) - 1];
    }

    /**
     * Returns what was wrong with the first answer that was.
     *
     * @return the text, if there is one
     */
    public Optional<String> firstWrong() {
        return samples.stream()
                .filter(one -> one.wrong() != null)
                .map(one -> one.kind() + ": " + one.wrong())
                .findFirst();
    }
}
