package org.djlflash.examples.serve;

import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Queue;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The jobs that wait, of bounded number, and the one thread that runs them in the order in which
 * they came, as many at once as a batch may hold. Safe for use by many threads.
 */
final class CompletionQueue {

    private static final Logger logger = LoggerFactory.getLogger(CompletionQueue.class);

    private final int capacity;
    private final int batch;
    private final Consumer<List<CompletionJob>> engine;
    private final Queue<CompletionJob> waiting = new ArrayDeque<>();
    private final Thread worker = new Thread(this::work, "completions");
    private List<CompletionJob> running = List.of();
    private boolean closed;

    /**
     * Creates a queue and starts its thread.
     *
     * @param capacity how many jobs may wait
     * @param batch how many jobs run at once at most
     * @param engine what runs them and ends each
     */
    CompletionQueue(int capacity, int batch, Consumer<List<CompletionJob>> engine) {
        this.capacity = capacity;
        this.batch = batch;
        this.engine = engine;
        worker.setDaemon(true);
        worker.start();
    }

    /**
     * Lets jobs wait for their turn, all of them or none.
     *
     * @throws ApiException if there is no room, or the queue is closed
     */
    synchronized void submit(Collection<CompletionJob> jobs) {
        if (closed) {
            throw ApiException.shuttingDown();
        }
        if (jobs.size() > capacity - waiting.size()) {
            throw ApiException.tooManyRequests(capacity);
        }
        waiting.addAll(jobs);
        notifyAll();
    }

    /** Takes back jobs that no one waits for; those that have ended do not mind. */
    synchronized void withdraw(Collection<CompletionJob> jobs) {
        jobs.forEach(CompletionJob::cancel);
        waiting.removeAll(jobs);
    }

    synchronized int waiting() {
        return waiting.size();
    }

    synchronized int running() {
        return running.size();
    }

    synchronized boolean isClosed() {
        return closed;
    }

    /**
     * Takes no further jobs, and returns when those that are here have ended.
     *
     * @param patience how long they may take before they are cancelled
     */
    void close(Duration patience) throws InterruptedException {
        synchronized (this) {
            closed = true;
            notifyAll();
        }
        worker.join(patience.toMillis());
        synchronized (this) {
            running.forEach(CompletionJob::cancel);
            waiting.forEach(job -> job.fail(ApiException.shuttingDown()));
            waiting.clear();
        }
        worker.join();
    }

    private void work() {
        try {
            for (List<CompletionJob> jobs = take(); !jobs.isEmpty(); jobs = take()) {
                run(jobs);
            }
        } catch (InterruptedException e) {
            throw new IllegalStateException("no one interrupts this thread", e);
        }
    }

    private synchronized List<CompletionJob> take() throws InterruptedException {
        running = List.of();
        while (waiting.isEmpty() && !closed) {
            wait();
        }
        List<CompletionJob> jobs = new ArrayList<>();
        while (!waiting.isEmpty() && jobs.size() < batch) {
            jobs.add(waiting.remove());
        }
        running = List.copyOf(jobs);
        return running;
    }

    private void run(List<CompletionJob> jobs) {
        try {
            engine.accept(jobs);
        } catch (RuntimeException | Error e) {
            // The thread serves everyone: it goes on whatever one batch met.
            logger.error("a completion failed", e);
            ApiException failure = ApiException.http(500, "the completion failed");
            jobs.forEach(job -> job.fail(failure));
        }
    }
}
