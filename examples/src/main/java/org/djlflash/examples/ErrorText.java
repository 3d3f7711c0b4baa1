package org.djlflash.examples;

import ai.djl.engine.EngineException;
import java.nio.file.FileSystemException;
import java.util.Locale;

/** What the user reads of an error: one line. */
final class ErrorText {

    private ErrorText() {}

    static String of(Throwable error) {
        String text = error.getMessage() == null ? error.toString() : error.getMessage();
        if (error instanceof FileSystemException file && file.getReason() == null) {
            text = file.getFile() + ": " + words(error.getClass().getSimpleName());
        }
        if (error instanceof EngineException && error.getCause() != null) {
            // DJL says what failed, its cause says why.
            return firstLine(text) + ": " + of(error.getCause());
        }
        return firstLine(text);
    }

    static String firstLine(String text) {
        return text.lines().findFirst().orElse(text);
    }

    /** The message of AccessDeniedException is the file alone. */
    private static String words(String name) {
        return name.replaceFirst("Exception$", "")
                .replaceAll("(?<=[a-z])(?=[A-Z])", " ")
                .toLowerCase(Locale.ROOT);
    }
}
