package org.djlflash.examples;

import ai.djl.util.Progress;
import java.io.PrintWriter;
import me.tongfei.progressbar.DelegatingProgressBarConsumer;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarStyle;

/** A progress bar on the error stream, so that results stay clean. */
final class ConsoleProgress implements Progress, AutoCloseable {

    private final PrintWriter err;
    private ProgressBar bar;

    ConsoleProgress(PrintWriter err) {
        this.err = err;
    }

    @Override
    public void reset(String message, long max, String trailingMessage) {
        end();
        bar =
                new ProgressBarBuilder()
                        .setTaskName(message)
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
    public void start(long initialProgress) {
        update(initialProgress);
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

    @Override
    public void increment(long increment) {
        bar.stepBy(increment);
    }

    @Override
    public void update(long progress, String message) {
        bar.stepTo(progress);
        if (message != null) {
            bar.setExtraMessage(message);
        }
    }
}
