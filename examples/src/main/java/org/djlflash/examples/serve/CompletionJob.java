package org.djlflash.examples.serve;

import org.djlflash.zoo.generate.GenerationListener;
import org.djlflash.zoo.generate.GenerationOptions;
import org.djlflash.zoo.generate.GenerationResult.Finish;

/** One prompt on its way to its continuation. */
final class CompletionJob extends Job implements GenerationListener {

    private final int[] prompt;
    private final GenerationOptions options;

    /** Both are written before the end. */
    private int tokens;

    private String finishReason;

    /**
     * Creates a job.
     *
     * @param prompt the prompt's tokens
     * @param options how it is continued
     */
    CompletionJob(int[] prompt, GenerationOptions options) {
        this.prompt = prompt.clone();
        this.options = options;
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
        ensureDone();
        return finishReason;
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
        return !isCancelled();
    }

    /** Hands text on. For the worker. */
    @Override
    public void onText(String part) {
        tell(part);
    }

    /** Ends the job, whatever others of its batch do. For the worker. */
    @Override
    public void onEnd(Finish finish) {
        if (finish == Finish.CANCELLED) {
            fail(ApiException.shuttingDown());
        } else {
            finishReason = finish == Finish.LENGTH ? "length" : "stop";
            end();
        }
    }
}
