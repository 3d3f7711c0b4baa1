package org.djlflash.examples.serve;

import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.djlflash.examples.serve.CompletionJob.Progress;

/** The jobs of one request, from their way into the queue to the end of the last. */
final class CompletionRun {

    private static final long LOOK_MILLISECONDS = 100;

    /** Is told what happens, on the thread that waits. */
    @FunctionalInterface
    interface Listener {
        void onProgress(Progress progress) throws IOException;
    }

    private final CompletionQueue queue;
    private final BlockingQueue<Progress> news = new LinkedBlockingQueue<>();
    private final List<CompletionJob> jobs;

    /**
     * Turns the prompts into tokens.
     *
     * @throws ApiException if one of them is not allowed
     */
    CompletionRun(CompletionRequest request, ServedModel model, CompletionQueue queue) {
        this.queue = queue;
        List<int[]> prompts =
                request.prompts().stream()
                        .map(prompt -> model.encode(prompt, request.options().maxNewTokens()))
                        .toList();
        jobs =
                IntStream.range(0, prompts.size())
                        .mapToObj(
                                i -> new CompletionJob(i, prompts.get(i), request.options(), news))
                        .toList();
    }

    List<CompletionJob> jobs() {
        return jobs;
    }

    /**
     * Lets the jobs wait for their turn.
     *
     * @throws ApiException if there is no room
     */
    void submit() {
        queue.submit(jobs);
    }

    /**
     * Waits until all jobs have ended. Whatever ends the waiting early ends them, too.
     *
     * @param limit the longest time
     * @param client the one who wants the answer
     * @param listener told what happens
     * @throws IOException if the client is gone
     * @throws ApiException if the time is over, or the server shuts down
     */
    void follow(Duration limit, ClientWatch client, Listener listener)
            throws IOException, InterruptedException {
        long start = System.nanoTime();
        int open = jobs.size();
        try {
            while (open > 0) {
                Progress progress = news.poll(LOOK_MILLISECONDS, TimeUnit.MILLISECONDS);
                client.ensureThere();
                if (System.nanoTime() - start > limit.toNanos()) {
                    throw ApiException.tooSlow(limit.toSeconds());
                }
                if (progress != null) {
                    listener.onProgress(progress);
                    open -= progress.last() ? 1 : 0;
                }
            }
        } finally {
            queue.withdraw(jobs);
        }
    }
}
