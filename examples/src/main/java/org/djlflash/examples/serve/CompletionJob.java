package org.djlflash.examples.serve;

import java.util.concurrent.BlockingQueue;
import org.djlflash.zoo.generate.GenerationListener;
import org.djlflash.zoo.generate.GenerationOptions;
import org.djlflash.zoo.generate.GenerationResult.Finish;

/** One prompt on its way: filled in by the worker, read and cancelled by the one who waits. */
final class CompletionJob implements GenerationListener {

    /**
     * News of a job.
     *
     * @param job the job
     * @param text further text, perhaps none
     * @param last whether the job has ended
     */
    record Progress(CompletionJob job, String text, boolean last) {}

    private final int index;
    private final int[] prompt;
    private final GenerationOptions options;
    private final BlockingQueue<Progress> news;

    private volatile boolean cancelled;

    /** These are written before the last news. */
    private int tokens;

    private String finishReason;
    private RuntimeException failure;

    /**
     * Creates a job.
     *
     * @param index which of the request's prompts it is
     * @param prompt the prompt's tokens
     * @param options how it is continued
     * @param news where the worker puts what happens, without limit
     */
    CompletionJob(
            int index, int[] prompt, GenerationOptions options, BlockingQueue<Progress> news) {
        this.index = index;
        this.prompt = prompt.clone();
        this.options = options;
        this.news = news;
    }

    int index() {
        return index;
    }

    int promptTokens() {
        return prompt.length;
    }

    /** Returns the number of new tokens, once the job has ended. */
    int tokens() {
        return tokens;
    }

    /**
     * Returns why the job ended, in OpenAI's words.
     *
     * @throws RuntimeException if it failed
     */
    String finishReason() {
        if (failure != null) {
            throw failure;
        }
        return finishReason;
    }

    /** Ends the job at its next token, or before its first. */
    void cancel() {
        cancelled = true;
    }

    int[] prompt() {
        return prompt.clone();
    }

    GenerationOptions options() {
        return options;
    }

    /** Takes note of a token. For the worker. */
    @Override
    public boolean onToken(int id, int count) {
        tokens = count;
        return !cancelled;
    }

    /** Hands text on. For the worker. */
    @Override
    public void onText(String part) {
        news.add(new Progress(this, part, false));
    }

    /** Ends the job. For the worker. */
    void end(Finish finish) {
        if (finish == Finish.CANCELLED) {
            fail(ApiException.shuttingDown());
        } else {
            end(finish == Finish.LENGTH ? "length" : "stop", null);
        }
    }

    /** Ends the job without a whole text, unless it has ended. For the worker and its queue. */
    void fail(RuntimeException cause) {
        if (failure == null && finishReason == null) {
            end(null, cause);
        }
    }

    private void end(String reason, RuntimeException cause) {
        finishReason = reason;
        failure = cause;
        news.add(new Progress(this, "", true));
    }
}
