package org.djlflash.examples.serve;

import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.djlflash.examples.serve.Job.Progress;

/**
 * The jobs of one request, from their way into the queue to the end of the last.
 *
 * @param <J> the kind of job
 */
final class JobRun<J extends Job> {

    private static final long LOOK_MILLISECONDS = 100;

    /** Is told what happens, on the thread that waits. */
    @FunctionalInterface
    interface Listener {
        void onProgress(Progress progress) throws IOException;
    }

    private final JobQueue<J> queue;
    private final BlockingQueue<Progress> news = new LinkedBlockingQueue<>();
    private final List<J> jobs;

    /**
     * Lets jobs wait for their turn.
     *
     * @param jobs the jobs
     * @param queue where they wait
     * @throws ApiException if there is no room
     */
    JobRun(List<J> jobs, JobQueue<J> queue) {
        this.queue = queue;
        this.jobs = List.copyOf(jobs);
        for (int i = 0; i < jobs.size(); i++) {
            jobs.get(i).join(i, news);
        }
        queue.submit(jobs);
    }

    List<J> jobs() {
        return jobs;
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
