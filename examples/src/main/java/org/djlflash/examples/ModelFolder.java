package org.djlflash.examples;

import ai.djl.MalformedModelException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.djlflash.zoo.provider.EmbeddedModel;
import picocli.CommandLine.Option;

/** The option {@code --model}. */
final class ModelFolder {

    /** Reads something from a folder. */
    @FunctionalInterface
    interface Reader<T> {
        T read(Path folder) throws IOException, MalformedModelException;
    }

    @Option(
            names = "--model",
            paramLabel = "DIR",
            description = "A Hugging Face folder. Default: the embedded model.")
    private Path folder;

    Path find() throws IOException {
        if (folder == null) {
            folder = EmbeddedModel.unpack();
        }
        return check(folder);
    }

    private static Path check(Path folder) {
        if (!Files.isDirectory(folder)) {
            throw new IllegalArgumentException("--model " + folder + ": not a folder");
        }
        return folder;
    }

    /** Reads something from the folder; errors name it. */
    <T> T read(Reader<T> reader) throws IOException {
        return read(find(), reader);
    }

    /** Reads something from a folder that the option named; errors name it. */
    static <T> T read(Path folder, Reader<T> reader) throws IOException {
        check(folder);
        try {
            return reader.read(folder);
        } catch (IOException | MalformedModelException e) {
            throw new IOException("--model " + folder + ": " + ErrorText.of(e), e);
        }
    }
}
