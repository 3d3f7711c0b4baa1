package org.djlflash.examples.serve;

import com.fasterxml.jackson.databind.json.JsonMapper;
import io.javalin.http.Context;
import io.javalin.http.Handler;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.stream.Stream;
import org.djlflash.examples.serve.CompletionJob.Progress;

/** {@code POST /v1/completions}: the answer at once, or as server-sent events. */
final class CompletionRoute implements Handler {

    private final ServedModel model;
    private final CompletionQueue queue;
    private final ServeLimits limits;
    private final ServeMetrics metrics;
    private final JsonMapper mapper;

    CompletionRoute(
            ServedModel model,
            CompletionQueue queue,
            ServeLimits limits,
            ServeMetrics metrics,
            JsonMapper mapper) {
        this.model = model;
        this.queue = queue;
        this.limits = limits;
        this.metrics = metrics;
        this.mapper = mapper;
    }

    @Override
    public void handle(Context context) throws IOException, InterruptedException {
        CompletionRequest request =
                CompletionForm.read(
                        RequestBody.readJson(context, limits.requestBytes()),
                        model.name(),
                        limits.queue());
        CompletionRun run = new CompletionRun(request, model, queue);
        run.submit();
        try {
            if (request.stream()) {
                stream(context, run, request.usage());
            } else {
                answer(context, run);
            }
        } catch (IOException e) {
            metrics.countHangUp();
            throw e;
        } finally {
            metrics.count(run.jobs());
        }
    }

    private void answer(Context context, CompletionRun run)
            throws IOException, InterruptedException {
        CompletionJson json = new CompletionJson(model.name());
        List<StringBuilder> texts =
                Stream.generate(StringBuilder::new).limit(run.jobs().size()).toList();
        run.follow(
                limits.time(),
                new ClientWatch(context),
                news -> texts.get(news.job().index()).append(news.text()));
        context.contentType("application/json")
                .result(mapper.writeValueAsBytes(json.whole(run.jobs(), texts)));
    }

    private void stream(Context context, CompletionRun run, boolean usage)
            throws IOException, InterruptedException {
        context.contentType("text/event-stream;charset=utf-8");
        context.header("Cache-Control", "no-store");
        // What the client sends beyond this request would be lost: see ClientWatch.
        context.header("Connection", "close");
        // Javalin's own stream does not flush.
        OutputStream out = context.res().getOutputStream();
        out.flush();
        CompletionJson json = new CompletionJson(model.name());
        try {
            run.follow(limits.time(), new ClientWatch(context), news -> send(out, json, news));
            if (usage) {
                send(out, mapper.writeValueAsString(json.usagePiece(run.jobs())));
            }
            send(out, "[DONE]");
        } catch (ApiException e) {
            // The status is out: the error is the last event.
            send(out, mapper.writeValueAsString(e.toJson()));
        }
    }

    private void send(OutputStream out, CompletionJson json, Progress news) throws IOException {
        String reason = news.last() ? news.job().finishReason() : null;
        send(out, mapper.writeValueAsString(json.piece(news.job(), news.text(), reason)));
    }

    private static void send(OutputStream out, String data) throws IOException {
        out.write(("data: " + data + "\n\n").getBytes(StandardCharsets.UTF_8));
        out.flush();
    }
}
