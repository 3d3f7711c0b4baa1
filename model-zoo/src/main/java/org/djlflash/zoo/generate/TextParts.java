package org.djlflash.zoo.generate;

import java.util.ArrayDeque;
import java.util.Iterator;
import java.util.NoSuchElementException;
import java.util.function.Supplier;

/**
 * A text that is generated as far as it is asked for: whole characters, and nothing of a stop
 * string. Closing it ends generating; it closes itself after the last part. For one thread.
 */
public final class TextParts implements Iterator<String>, AutoCloseable {

    /** The parts that were generated and not asked for yet. */
    static final class Queue implements GenerationListener {

        private final ArrayDeque<String> parts = new ArrayDeque<>();

        @Override
        public boolean onToken(int id, int count) {
            return true;
        }

        @Override
        public void onText(String part) {
            parts.add(part);
        }
    }

    private final BatchRun run;
    private final Queue queue;
    private final Supplier<GenerationResult> outcome;
    private GenerationResult result;
    private boolean closed;

    TextParts(BatchRun run, Queue queue, Supplier<GenerationResult> outcome) {
        this.run = run;
        this.queue = queue;
        this.outcome = outcome;
    }

    /**
     * Tells whether there is more text, generating it if need be.
     *
     * @return true if so; false after closing
     */
    @Override
    public boolean hasNext() {
        boolean done = false;
        try {
            while (!closed && queue.parts.isEmpty() && result == null) {
                if (!run.step()) {
                    result = outcome.get();
                }
            }
            done = true;
        } finally {
            if (!done || result != null) {
                run.close();
            }
        }
        return !closed && !queue.parts.isEmpty();
    }

    @Override
    public String next() {
        if (!hasNext()) {
            throw new NoSuchElementException("the text has ended");
        }
        return queue.parts.remove();
    }

    /**
     * Returns what was generated.
     *
     * @return the result
     * @throws IllegalStateException if the text has not been asked for to its end
     */
    public GenerationResult result() {
        if (result == null) {
            throw new IllegalStateException("the text has not ended");
        }
        return result;
    }

    /** Ends generating. Closing twice is harmless. */
    @Override
    public void close() {
        closed = true;
        run.close();
    }
}
