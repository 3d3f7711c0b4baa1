package org.djlflash.zoo.provider;

import ai.djl.util.Utils;
import java.io.BufferedInputStream;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Arrays;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The GPT-2 with 6 million parameters that comes in the jar, trained for this project on the text
 * of the King James Bible, which is in the public domain.
 */
public final class EmbeddedModel {

    /** The model's name. */
    public static final String NAME = "gpt2-kjv-6m";

    private static final Logger logger = LoggerFactory.getLogger(EmbeddedModel.class);

    private static final String RESOURCES = "/org/djlflash/zoo/models/" + NAME + "/";

    private static final List<String> FILES =
            List.of(
                    "config.json",
                    "generation_config.json",
                    "model.safetensors",
                    "serving.properties",
                    "tokenizer.json");

    private EmbeddedModel() {}

    /**
     * Puts the model's files into DJL's cache folder, or into a temporary folder if that cannot be
     * written.
     *
     * @return the folder
     * @throws IOException if neither can be written
     */
    public static Path unpack() throws IOException {
        Path folder = Utils.getCacheDir().resolve("djl-flash").resolve(NAME);
        try {
            return unpackTo(folder);
        } catch (IOException e) {
            logger.warn("cannot write to DJL's cache, using a temporary folder: {}", e.toString());
            Path temporary = Files.createTempDirectory(NAME);
            Runtime.getRuntime().addShutdownHook(new Thread(() -> Utils.deleteQuietly(temporary)));
            return unpackTo(temporary);
        }
    }

    /** Leaves files alone that are as they should be; another process may be reading them. */
    static Path unpackTo(Path folder) throws IOException {
        Files.createDirectories(folder);
        for (String file : FILES) {
            Path target = folder.resolve(file);
            if (!isSame(file, target)) {
                Path temporary = Files.createTempFile(folder, file, ".part");
                try (InputStream resource = open(file)) {
                    Files.copy(resource, temporary, StandardCopyOption.REPLACE_EXISTING);
                    Files.move(
                            temporary,
                            target,
                            StandardCopyOption.ATOMIC_MOVE,
                            StandardCopyOption.REPLACE_EXISTING);
                } finally {
                    Files.deleteIfExists(temporary);
                }
            }
        }
        return folder;
    }

    private static boolean isSame(String file, Path target) throws IOException {
        if (!Files.isRegularFile(target)) {
            return false;
        }
        int chunk = 1 << 16;
        try (InputStream resource = open(file);
                InputStream present = new BufferedInputStream(Files.newInputStream(target))) {
            while (true) {
                byte[] wanted = resource.readNBytes(chunk);
                if (!Arrays.equals(wanted, present.readNBytes(chunk))) {
                    return false;
                }
                if (wanted.length == 0) {
                    return true;
                }
            }
        }
    }

    private static InputStream open(String file) throws IOException {
        InputStream resource = EmbeddedModel.class.getResourceAsStream(RESOURCES + file);
        if (resource == null) {
            throw new FileNotFoundException("no resource " + RESOURCES + file);
        }
        return resource;
    }
}
