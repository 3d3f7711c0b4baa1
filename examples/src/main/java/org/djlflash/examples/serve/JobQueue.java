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
 * The jobs that wait for a model, of bounded number, and the one thread that runs them in the order
 * in which they came, as many at once as a batch may hold. Safe for use by many threads.
 *
 * @param <J> the kind of job
 */
final class JobQueue<J extends Job> {

    private static final Logger logger = LoggerFactory.getLogger(JobQueue.class);

    private final int capacity;
    private final int batch;
    private final Consumer<List<J>> engine;
    private final Queue<J> waiting = new ArrayDeque<>();
    private final Thread worker;
    private List<J> running = List.of();
    private boolean closed;

    /**
     * Creates a queue and starts its thread.
     *
     * @param name what the thread is called
     * @param capacity how many jobs may wait
     * @param batch how many jobs run at once at most
     * @param engine what runs them and ends each
     */
    JobQueue(String name, int capacity, int batch, Consumer<List<J>> engine) {
        this.capacity = capacity;
        this.batch = batch;
        this.engine = engine;
        worker = new Thread(this::work, name);
        worker.setDaemon(true);
        worker.start();
    }

    /**
     * Lets jobs wait for their turn, all of them or none.
     *
     * @throws ApiException if there is no room, or the queue is closed
     */
    synchronized void submit(Collection<J> jobs) {
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
    synchronized void withdraw(Collection<J> jobs) {
        jobs.forEach(Job::cancel);
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

    /** Takes no further jobs. */
    synchronized void close() {
        closed = true;
        notifyAll();
    }

    /**
     * Returns when the jobs that were here at the closing have ended.
     *
     * @param patience how long they may take before they are cancelled
     */
    void awaitEnd(Duration patience) throws InterruptedException {
        worker.join(Math.max(1, patience.toMillis()));
        synchronized (this) {
            running.forEach(Job::cancel);
            waiting.forEach(job -> job.fail(ApiException.shuttingDown()));
            waiting.clear();
        }
        worker.join();
    }

    private void work() {
        try {
            for (List<J> jobs = take(); !jobs.isEmpty(); jobs = take()) {
                run(jobs);
            }
        } catch (InterruptedException e) {
            throw new IllegalStateException("no one interrupts this thread", e);
        }
    }

    private synchronized List<J> take() throws InterruptedException {
        running = List.of();
        while (waiting.isEmpty() && !closed) {
            wait();
        }
        List<J> jobs = new ArrayList<>();
        while (!waiting.isEmpty() && jobs.size() < batch) {
            jobs.add(waiting.remove());
        }
        running = List.copyOf(jobs);
        return running;
    }

    private void run(List<J> jobs) {
        try {
            engine.accept(jobs);
        } catch (RuntimeException | Error e) {
            // The thread serves everyone: it goes on whatever one batch met.
            logger.error("{} failed", worker.getName(), e);
            ApiException failure = ApiException.http(500, "the model failed");
            jobs.forEach(job -> job.fail(failure));
        }
    }
}
