package org.djlflash.zoo;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Assumptions;

/** Finds the sample models that may lie beside the repository. */
public final class SharedModels {

    private SharedModels() {}

    /**
     * Returns the folder of a model, or skips the test if it is not there.
     *
     * @param name the name of the model
     * @return the folder
     */
    public static Path folder(String name) {
        Path module = Path.of("").toAbsolutePath();
        Path folder = module.resolve("../../shared/models").resolve(name).normalize();
        Assumptions.assumeTrue(
                Files.isDirectory(folder), "no sample model " + name + " beside the repository");
        return folder;
    }
}
