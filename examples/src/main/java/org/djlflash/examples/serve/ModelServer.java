package org.djlflash.examples.serve;

import com.fasterxml.jackson.databind.json.JsonMapper;
import io.javalin.Javalin;
import io.javalin.compression.CompressionStrategy;
import io.javalin.config.JavalinConfig;
import io.javalin.config.RoutesConfig;
import io.javalin.http.Context;
import io.javalin.http.HttpResponseException;
import io.javalin.router.Endpoint;
import java.io.IOException;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.eclipse.jetty.server.handler.GracefulHandler;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Models behind the HTTP interface of OpenAI, until it is closed. For each, requests wait in a
 * queue of bounded length, and one thread computes.
 */
public final class ModelServer implements AutoCloseable {

    private static final Logger logger = LoggerFactory.getLogger(ModelServer.class);

    /** How long answers that are complete may take to go out when the server ends. */
    private static final Duration FAREWELL = Duration.ofSeconds(5);

    /** What nginx writes down of a client that hung up. No one reads it. */
    private static final int CLIENT_GONE = 499;

    private final JsonMapper mapper = new JsonMapper();
    private final ServeMetrics metrics = new ServeMetrics();
    private final long created = System.currentTimeMillis() / 1000;
    private final ServeLimits limits;
    private final Map<String, Station<ServedGenerator, CompletionJob>> generators =
            new LinkedHashMap<>();
    private final Map<String, Station<ServedEmbedder, EmbeddingJob>> embedders =
            new LinkedHashMap<>();

    /** Those of all models, in the order of these. */
    private final Map<String, JobQueue<?>> queues = new LinkedHashMap<>();

    private final Javalin http;

    /**
     * Starts a server.
     *
     * @param models the models, which stay the caller's
     * @param limits the limits, the queue and the batch those of each model
     * @param host the address to listen at
     * @param port the port, or 0 for any that is free
     * @throws IllegalArgumentException if two models have one name
     */
    public ModelServer(
            List<? extends ServedModel> models, ServeLimits limits, String host, int port) {
        this.limits = limits;
        requireDistinctNames(models);
        models.forEach(this::add);
        metrics.watch(queues);
        http = Javalin.create(this::configure);
        try {
            http.start(host, port);
        } catch (RuntimeException e) {
            // Their threads would wait for ever.
            queues.values().forEach(JobQueue::close);
            throw e;
        }
    }

    private static void requireDistinctNames(List<? extends ServedModel> models) {
        List<String> names = models.stream().map(ServedModel::name).toList();
        if (names.stream().distinct().count() < names.size()) {
            throw new IllegalArgumentException(
                    "models called " + names + ", allowed are different names");
        }
    }

    private void add(ServedModel model) {
        if (model instanceof ServedGenerator generator) {
            JobQueue<CompletionJob> queue = queue(model, generator::complete);
            generators.put(model.name(), new Station<>(generator, queue));
        } else if (model instanceof ServedEmbedder embedder) {
            JobQueue<EmbeddingJob> queue = queue(model, embedder::embed);
            embedders.put(model.name(), new Station<>(embedder, queue));
        }
    }

    private <J extends Job> JobQueue<J> queue(ServedModel model, Consumer<List<J>> engine) {
        JobQueue<J> queue = new JobQueue<>(model.name(), limits.queue(), limits.batch(), engine);
        queues.put(model.name(), queue);
        return queue;
    }

    /**
     * Returns the port.
     *
     * @return the port that the server listens at
     */
    public int port() {
        return http.port();
    }

    /**
     * Refuses further requests, lets those that are here end, and stops listening. An interrupted
     * thread does not wait for them.
     */
    @Override
    public void close() {
        queues.values().forEach(JobQueue::close);
        long end = System.nanoTime() + limits.time().toNanos();
        try {
            for (JobQueue<?> queue : queues.values()) {
                queue.awaitEnd(Duration.ofNanos(end - System.nanoTime()));
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } finally {
            http.stop();
        }
    }

    private void configure(JavalinConfig config) {
        config.startup.showJavalinBanner = false;
        config.startup.showOldJavalinVersionWarning = false;
        config.http.prefer405over404 = true;
        // Compression would hold events back.
        config.http.compressionStrategy = CompressionStrategy.NONE;
        config.jetty.clientAbortStatus = CLIENT_GONE;
        config.jetty.modifyServer(
                server -> {
                    server.insertHandler(new GracefulHandler());
                    server.setStopTimeout(FAREWELL.toMillis());
                });
        config.jetty.modifyHttpConfiguration(jetty -> jetty.setSendServerVersion(false));
        config.requestLogger.http(
                (context, milliseconds) ->
                        metrics.count(path(context), context.statusCode(), milliseconds));
        addRoutes(config.routes);
    }

    private void addRoutes(RoutesConfig routes) {
        routes.post("/v1/completions", new CompletionRoute(generators, limits, metrics, mapper));
        routes.post("/v1/embeddings", new EmbeddingRoute(embedders, limits, metrics, mapper));
        routes.get("/v1/models", this::models);
        routes.get("/v1/models/{model}", this::model);
        routes.get("/health", this::health);
        routes.get(
                "/metrics",
                context -> context.contentType(ServeMetrics.CONTENT_TYPE).result(metrics.text()));
        routes.exception(ApiException.class, this::refuse);
        routes.exception(
                HttpResponseException.class,
                (e, context) -> refuse(ApiException.http(e.getStatus(), e.getMessage()), context));
        routes.exception(IOException.class, (e, context) -> hangUp(e, context));
        routes.exception(
                Exception.class,
                (e, context) -> {
                    logger.error("{} failed", context.path(), e);
                    refuse(ApiException.http(500, "the server failed"), context);
                });
    }

    private void models(Context context) throws IOException {
        List<Map<String, Object>> all = queues.keySet().stream().map(this::describe).toList();
        answer(context, 200, Map.of("object", "list", "data", all));
    }

    private void model(Context context) throws IOException {
        String name = context.pathParam("model");
        if (!queues.containsKey(name)) {
            throw ApiException.unknownModel(name, queues.keySet());
        }
        answer(context, 200, describe(name));
    }

    private Map<String, Object> describe(String name) {
        return Map.of("id", name, "object", "model", "created", created, "owned_by", "djl-flash");
    }

    private void health(Context context) throws IOException {
        if (queues.values().stream().anyMatch(JobQueue::isClosed)) {
            throw ApiException.shuttingDown();
        }
        answer(context, 200, Map.of("status", "ok"));
    }

    private void refuse(ApiException e, Context context) {
        try {
            if (e.status() != ApiException.TOO_SLOW) {
                RequestBody.discard(context);
            }
            answer(context, e.status(), e.toJson());
        } catch (IOException gone) {
            hangUp(gone, context);
        }
    }

    private static void hangUp(IOException e, Context context) {
        logger.debug("{}: {}", context.path(), e.toString());
        context.status(CLIENT_GONE);
    }

    private void answer(Context context, int status, Map<String, ?> json) throws IOException {
        context.status(status)
                .contentType("application/json")
                .result(mapper.writeValueAsBytes(json));
    }

    /** The pattern of the path: what clients make up is not counted one by one. */
    private static String path(Context context) {
        Endpoint endpoint = context.endpoints().lastHttpEndpoint();
        return endpoint == null ? "other" : endpoint.path;
    }
}
