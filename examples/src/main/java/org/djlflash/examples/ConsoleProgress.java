package org.djlflash.examples;

import ai.djl.util.Progress;
import java.io.PrintWriter;
import java.time.Duration;
import me.tongfei.progressbar.DelegatingProgressBarConsumer;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarStyle;

/** A progress bar on the error stream, so that results stay clean. */
final class ConsoleProgress implements Progress, AutoCloseable {

    private final PrintWriter err;
    private final Duration patience;
    private String task;
    private long max;
    private long position;
    private long startNanos;
    private ProgressBar bar;

    /**
     * Creates a bar.
     *
     * @param err where it is drawn
     * @param patience what takes less time shows no bar
     */
    ConsoleProgress(PrintWriter err, Duration patience) {
        this.err = err;
        this.patience = patience;
    }

    @Override
    public void reset(String message, long max, String trailingMessage) {
        end();
        task = message;
        this.max = max;
        position = 0;
        startNanos = System.nanoTime();
    }

    @Override
    public void start(long initialProgress) {
        update(initialProgress);
    }

    @Override
    public void increment(long increment) {
        update(position + increment);
    }

    @Override
    public void update(long progress, String message) {
        position = progress;
        if (bar == null && System.nanoTime() - startNanos >= patience.toNanos()) {
            bar = newBar();
        }
        if (bar != null) {
            bar.stepTo(progress);
            bar.setExtraMessage(message == null ? "" : message);
        }
    }

    private ProgressBar newBar() {
        return new ProgressBarBuilder()
                .setTaskName(task)
                .setInitialMax(max)
                .setStyle(ProgressBarStyle.ASCII)
                .setUpdateIntervalMillis(200)
                .setConsumer(new DelegatingProgressBarConsumer(this::draw))
                .build();
    }

    private void draw(String line) {
        err.print("\r" + line);
        err.flush();
    }

    @Override
    public void end() {
        if (bar != null) {
            bar.close();
            bar = null;
            err.println();
        }
    }

    /** Ends the bar, so that an error has a line of its own. */
    @Override
    public void close() {
        end();
    }
}
