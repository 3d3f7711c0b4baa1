package org.djlflash.examples;

import ai.djl.util.Progress;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarStyle;

/** A progress bar on the standard error stream, so that results stay clean. */
final class ConsoleProgress implements Progress {

    private ProgressBar bar;

    @Override
    public void reset(String message, long max, String trailingMessage) {
        end();
        bar =
                new ProgressBarBuilder()
                        .setTaskName(message)
                        .setInitialMax(max)
                        .setStyle(ProgressBarStyle.ASCII)
                        .setUpdateIntervalMillis(200)
                        .build();
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
        }
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
