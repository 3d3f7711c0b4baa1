package org.djlflash.examples.serve;

import java.util.Queue;

/** Work on its way: done by the worker, followed and cancelled by the one who waits. */
abstract class Job {

    /**
     * News of a job.
     *
     * @param index which of the request's jobs it is
     * @param text further text, perhaps none
     * @param last whether the job has ended
     */
    record Progress(int index, String text, boolean last) {}

    private volatile boolean cancelled;

    /** These are written before the last news. */
    private boolean ended;

    private RuntimeException failure;

    private int index;
    private Queue<Progress> news;

    /**
     * Makes the job one of a request's, before it waits.
     *
     * @param place which of them it is
     * @param listener where the worker puts what happens, without limit
     */
    final void join(int place, Queue<Progress> listener) {
        index = place;
        news = listener;
    }

    final int index() {
        return index;
    }

    /** Hands text on. For the worker. */
    final void tell(String text) {
        news.add(new Progress(index, text, false));
    }

    /** Ends the job as soon as that is possible, or before it begins. */
    final void cancel() {
        cancelled = true;
    }

    final boolean isCancelled() {
        return cancelled;
    }

    /**
     * Does nothing for a job that has ended well.
     *
     * @throws RuntimeException if it failed
     */
    final void ensureDone() {
        if (failure != null) {
            throw failure;
        }
    }

    /** Ends the job. For the worker. */
    final void end() {
        end(null);
    }

    /** Ends the job without a whole answer, unless it has ended. For the worker and its queue. */
    final void fail(RuntimeException cause) {
        if (!ended) {
            end(cause);
        }
    }

    private void end(RuntimeException cause) {
        ended = true;
        failure = cause;
        news.add(new Progress(index, "", true));
    }
}
