package org.djlflash.examples;

import ai.djl.util.Utils;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.util.UUID;
import java.util.stream.Stream;

/** The folder of {@code --out}: it appears whole, or not at all, and replaces nothing. */
final class OutputFolder {

    /** Writes the files, and checks them. */
    @FunctionalInterface
    interface Writer {
        void write(Path folder) throws Exception;
    }

    private final Path folder;

    /** Checks that the folder is free and can be made, before anything is computed for it. */
    OutputFolder(Path folder) throws IOException {
        this.folder = folder.toAbsolutePath().normalize();
        if (Files.exists(folder) && !isEmptyFolder(folder)) {
            throw new IllegalArgumentException(
                    "--out " + folder + ": exists already, allowed is a new or an empty folder");
        }
        Path parent = this.folder.getParent();
        try {
            Files.createDirectories(parent);
        } catch (IOException e) {
            throw new IOException("--out " + folder + ": " + ErrorText.of(e), e);
        }
        if (!Files.isWritable(parent)) {
            throw new IOException("--out " + folder + ": " + parent + " cannot be written");
        }
    }

    private static boolean isEmptyFolder(Path folder) throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.findAny().isEmpty();
        } catch (NotDirectoryException e) {
            return false;
        }
    }

    /** Lets the files be written beside the folder, then moves them. */
    Path fill(Writer writer) throws Exception {
        Path parent = folder.getParent();
        Path part = parent.resolve("." + folder.getFileName() + "-" + UUID.randomUUID());
        Files.createDirectory(part);
        try {
            writer.write(part);
            Files.deleteIfExists(folder);
            return Files.move(part, folder);
        } finally {
            Utils.deleteQuietly(part);
        }
    }
}
