package org.djlflash.examples.serve;

import com.fasterxml.jackson.databind.json.JsonMapper;
import io.javalin.http.Context;
import io.javalin.http.Handler;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** {@code POST /v1/embeddings}: the vectors of texts. */
final class EmbeddingRoute implements Handler {

    private final Map<String, Station<ServedEmbedder, EmbeddingJob>> stations;
    private final ServeLimits limits;
    private final ServeMetrics metrics;
    private final JsonMapper mapper;

    EmbeddingRoute(
            Map<String, Station<ServedEmbedder, EmbeddingJob>> stations,
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
        EmbeddingRequest request = EmbeddingForm.read(RequestBody.readJson(context, limits));
        Station<ServedEmbedder, EmbeddingJob> station = Station.find(stations, request.model());
        EmbeddingJob job = new EmbeddingJob(station.model().encode(request));
        JobRun<EmbeddingJob> run = new JobRun<>(List.of(job), station.queue());
        try {
            run.follow(limits.time(), new ClientWatch(context), news -> {});
            context.contentType("application/json")
                    .result(mapper.writeValueAsBytes(json(request, job)));
        } catch (IOException e) {
            metrics.countHangUp();
            throw e;
        } finally {
            metrics.count(job.promptTokens(), 0);
        }
    }

    private static Map<String, Object> json(EmbeddingRequest request, EmbeddingJob job) {
        List<Object> data = new ArrayList<>();
        for (float[] vector : job.vectors()) {
            Map<String, Object> json = new LinkedHashMap<>();
            json.put("object", "embedding");
            json.put("index", data.size());
            json.put("embedding", request.base64() ? base64(vector) : vector);
            data.add(json);
        }
        Map<String, Object> json = new LinkedHashMap<>();
        json.put("object", "list");
        json.put("data", data);
        json.put("model", request.model());
        json.put(
                "usage",
                Map.of("prompt_tokens", job.promptTokens(), "total_tokens", job.promptTokens()));
        return json;
    }

    private static String base64(float... vector) {
        ByteBuffer bytes =
                ByteBuffer.allocate(Float.BYTES * vector.length).order(ByteOrder.LITTLE_ENDIAN);
        bytes.asFloatBuffer().put(vector);
        return Base64.getEncoder().encodeToString(bytes.array());
    }
}
