package org.djlflash.zoo.weights;

import static org.junit.jupiter.api.Assertions.assertNotNull;

import ai.djl.MalformedModelException;
import com.code_intelligence.jazzer.junit.FuzzTest;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.io.TempDir;

/** Whatever a file holds: it opens, or it is refused in the way that is documented. */
class WeightsFuzzTest {

    @TempDir static Path folder;

    @FuzzTest(maxDuration = "1m")
    void opensOrRefusesAFile(byte[] bytes) throws IOException {
        open(bytes);
    }

    /** Reaches the header without guessing its length. */
    @FuzzTest(maxDuration = "1m")
    void parsesOrRefusesAHeader(byte[] header) {
        try {
            SafetensorsHeader.parse(header, 16, "x.safetensors");
        } catch (MalformedModelException expected) {
            assertNotNull(expected.getMessage());
        }
    }

    @FuzzTest(maxDuration = "1m")
    void opensOrRefusesAnIndex(byte[] index) throws IOException {
        Files.deleteIfExists(folder.resolve("model.safetensors"));
        new SafetensorsBytes().f32("a", "[1]", 1).write(folder.resolve("x.safetensors"));
        Files.write(folder.resolve("model.safetensors.index.json"), index);
        open();
    }

    private static void open(byte[] bytes) throws IOException {
        Files.write(folder.resolve("model.safetensors"), bytes);
        open();
    }

    private static void open() throws IOException {
        try {
            Checkpoint.open(folder).close();
        } catch (MalformedModelException expected) {
            assertNotNull(expected.getMessage());
        }
    }
}
