package org.djlflash.examples.serve;

import com.fasterxml.jackson.databind.json.JsonMapper;
import io.javalin.http.Context;
import io.javalin.http.Handler;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.djlflash.examples.serve.Job.Progress;

/** {@code POST /v1/completions}: the answer at once, or as server-sent events. */
final class CompletionRoute implements Handler {

    private final Map<String, Station<ServedGenerator, CompletionJob>> stations;
    private final ServeLimits limits;
    private final ServeMetrics metrics;
    private final JsonMapper mapper;

    CompletionRoute(
            Map<String, Station<ServedGenerator, CompletionJob>> stations,
            ServeLimits limits,
            ServeMetrics metrics,
            JsonMapper mapper) {
        this.stations = stations;
        this.limits = limits;
        this.metrics = metrics;
        this.mapper = mapper;
    }

    @Override
    public void handle(Context context) throws IOException, InterruptedException {
        CompletionRequest request =
                CompletionForm.read(RequestBody.readJson(context, limits), limits.queue());
        Station<ServedGenerator, CompletionJob> station = Station.find(stations, request.model());
        JobRun<CompletionJob> run = new JobRun<>(jobs(request, station.model()), station.queue());
        CompletionJson json = new CompletionJson(request.model());
        try {
            if (request.stream()) {
                stream(context, run, json, request.usage());
            } else {
                answer(context, run, json);
            }
        } catch (IOException e) {
            metrics.countHangUp();
            throw e;
        } finally {
            for (CompletionJob job : run.jobs()) {
                metrics.count(job.promptTokens(), job.tokens());
            }
        }
    }

    private static List<CompletionJob> jobs(CompletionRequest request, ServedGenerator model) {
        int maxTokens = request.options().maxNewTokens();
        return request.prompts().stream()
                .map(prompt -> model.encode(prompt, maxTokens))
                .map(ids -> new CompletionJob(ids, request.options()))
                .toList();
    }

    private void answer(Context context, JobRun<CompletionJob> run, CompletionJson json)
            throws IOException, InterruptedException {
        List<StringBuilder> texts =
                Stream.generate(StringBuilder::new).limit(run.jobs().size()).toList();
        run.follow(
                limits.time(),
                new ClientWatch(context),
                news -> texts.get(news.index()).append(news.text()));
        context.contentType("application/json")
                .result(mapper.writeValueAsBytes(json.whole(run.jobs(), texts)));
    }

    private void stream(
            Context context, JobRun<CompletionJob> run, CompletionJson json, boolean usage)
            throws IOException, InterruptedException {
        context.contentType("text/event-stream;charset=utf-8");
        context.header("Cache-Control", "no-store");
        // What the client sends beyond this request would be lost: see ClientWatch.
        context.header("Connection", "close");
        // Javalin's own stream does not flush.
        OutputStream out = context.res().getOutputStream();
        out.flush();
        try {
            run.follow(
                    limits.time(),
                    new ClientWatch(context),
                    news -> send(out, json, run.jobs().get(news.index()), news));
            if (usage) {
                send(out, mapper.writeValueAsString(json.usagePiece(run.jobs())));
            }
            send(out, "[DONE]");
        } catch (ApiException e) {
            // The status is out: the error is the last event.
            send(out, mapper.writeValueAsString(e.toJson()));
        }
    }

    private void send(OutputStream out, CompletionJson json, CompletionJob job, Progress news)
            throws IOException {
        String reason = news.last() ? job.finishReason() : null;
        send(out, mapper.writeValueAsString(json.piece(job, news.text(), reason)));
    }

    private static void send(OutputStream out, String data) throws IOException {
        out.write(("data: " + data + "\n\n").getBytes(StandardCharsets.UTF_8));
        out.flush();
    }
}
