package org.djlflash.examples.serve;

import io.prometheus.metrics.core.metrics.Counter;
import io.prometheus.metrics.core.metrics.GaugeWithCallback;
import io.prometheus.metrics.core.metrics.Histogram;
import io.prometheus.metrics.expositionformats.PrometheusTextFormatWriter;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.Map;
import java.util.function.ToIntFunction;

/** What a server counts, in the text form of Prometheus. Safe for use by many threads. */
final class ServeMetrics {

    static final String CONTENT_TYPE = PrometheusTextFormatWriter.CONTENT_TYPE;

    private final PrometheusRegistry registry = new PrometheusRegistry();
    private final PrometheusTextFormatWriter writer = PrometheusTextFormatWriter.create();

    private final Counter requests =
            Counter.builder()
                    .name("djlflash_requests")
                    .help("Requests that were answered.")
                    .labelNames("path", "status")
                    .register(registry);

    private final Histogram seconds =
            Histogram.builder()
                    .name("djlflash_request_seconds")
                    .help("Seconds to the end of the answer.")
                    .labelNames("path")
                    .classicUpperBounds(0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100, 300)
                    .register(registry);

    private final Counter hangUps =
            Counter.builder()
                    .name("djlflash_hang_ups")
                    .help("Clients that did not wait for the end of their answer.")
                    .register(registry);

    private final Counter tokens =
            Counter.builder()
                    .name("djlflash_tokens")
                    .help("Tokens of prompts, and generated ones.")
                    .labelNames("kind")
                    .register(registry);

    /** Counts what queues have in them whenever they are asked. */
    void watch(Map<String, JobQueue<?>> queues) {
        gauge("djlflash_waiting", "Jobs that wait for their turn.", queues, JobQueue::waiting);
        gauge("djlflash_running", "Jobs that are being done.", queues, JobQueue::running);
    }

    private void gauge(
            String name,
            String help,
            Map<String, JobQueue<?>> queues,
            ToIntFunction<JobQueue<?>> value) {
        GaugeWithCallback.builder()
                .name(name)
                .help(help)
                .labelNames("model")
                .callback(
                        gauge ->
                                queues.forEach(
                                        (model, queue) ->
                                                gauge.call(value.applyAsInt(queue), model)))
                .register(registry);
    }

    void count(String path, int status, double milliseconds) {
        requests.labelValues(path, Integer.toString(status)).inc();
        seconds.labelValues(path).observe(milliseconds / 1000);
    }

    void countHangUp() {
        hangUps.inc();
    }

    void count(int promptTokens, int newTokens) {
        tokens.labelValues("prompt").inc(promptTokens);
        tokens.labelValues("completion").inc(newTokens);
    }

    byte[] text() throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        writer.write(out, registry.scrape());
        return out.toByteArray();
    }
}
