package org.djlflash.examples.load;

import ai.djl.util.Progress;
import java.io.IOException;
import java.net.URI;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/** Clients that send requests, each the next one as soon as it has an answer. */
public final class LoadRun {

    private final LoadClient client;
    private final int clients;
    private final Progress progress;

    /**
     * Plans a run.
     *
     * @param server where the server is
     * @param clients how many there are
     * @param progress what is told of every answer
     */
    public LoadRun(URI server, int clients, Progress progress) {
        client = new LoadClient(server);
        this.clients = clients;
        this.progress = progress;
    }

    /**
     * Sends requests and waits for the last answer.
     *
     * @param mix where they come from
     * @param count how many there are
     * @return what became of each, and how long it all took
     * @throws InterruptedException if the thread is interrupted
     */
    public LoadResult run(LoadMix mix, int count) throws InterruptedException {
        ExecutorService threads = Executors.newFixedThreadPool(clients);
        progress.reset("Requests", count);
        try {
            long start = System.nanoTime();
            List<Future<Sample>> futures = new ArrayList<>();
            for (Ask ask : mix.draw(count)) {
                futures.add(threads.submit(() -> send(ask)));
            }
            List<Sample> samples = new ArrayList<>();
            for (Future<Sample> future : futures) {
                samples.add(future.get());
                progress.increment(1);
            }
            return new LoadResult(samples, System.nanoTime() - start);
        } catch (ExecutionException e) {
            throw new IllegalStateException("a client failed", e.getCause());
        } finally {
            threads.shutdownNow();
            progress.end();
        }
    }

    private Sample send(Ask ask) throws InterruptedException {
        long start = System.nanoTime();
        String wrong;
        try {
            wrong = ask.send(client).orElse(null);
        } catch (IOException e) {
            wrong = e.toString();
        }
        return new Sample(ask.kind(), (System.nanoTime() - start) / 1e6, wrong);
    }

    /**
     * Reads what the server counts.
     *
     * @param name the name of a metric, whatever its labels
     * @return the sum of its values
     * @throws IOException if there is no answer
     * @throws InterruptedException if the thread is interrupted
     */
    public double metric(String name) throws IOException, InterruptedException {
        return client.get("/metrics")
                .body()
                .lines()
                .filter(line -> line.startsWith(name + "{") || line.startsWith(name + " "))
                .mapToDouble(line -> Double.parseDouble(line.substring(line.lastIndexOf(' '))))
                .sum();
    }
}
