package org.djlflash.examples;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.djlflash.zoo.provider.EmbeddedModel;
import picocli.CommandLine.Option;

/** The option {@code --model}. */
final class ModelFolder {

    @Option(
            names = "--model",
            paramLabel = "DIR",
            description = "A Hugging Face folder with a GPT-2. Default: the embedded model.")
    private Path folder;

    Path find() throws IOException {
        if (folder == null) {
            return EmbeddedModel.unpack();
        }
        if (!Files.isDirectory(folder)) {
            throw new IllegalArgumentException("--model " + folder + ": not a folder");
        }
        return folder;
    }
}
