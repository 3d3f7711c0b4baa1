package org.djlflash.cuda.launch;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Loads JCuda in a process of its own, because a library is loaded once. */
class JCudaNativesTest {

    private static final String PLANTED = "planted";

    @TempDir private Path temporary;

    @Test
    void plantedLibraryIsNotUsed() throws IOException, InterruptedException {
        Path planted = temporary.resolve(JCudaNatives.fileName());
        Files.writeString(planted, PLANTED);

        String output = runInOwnProcess();

        // A planted text file is no library: the loader would say so, and name the file.
        assertFalse(output.contains("invalid ELF header"), output);
        assertFalse(output.contains("file too short"), output);
        assertFalse(output.contains(planted.toString()), output);
        // Without a driver the real library cannot be linked, but it was the one that was opened.
        assertTrue(output.contains("loaded") || output.contains("libcuda.so.1"), output);
        assertEquals(PLANTED, Files.readString(planted));
    }

    @Test
    void folderOfTheLibraryIsGoneAfterwards() throws IOException, InterruptedException {
        String output = runInOwnProcess();

        assertTrue(output.contains("java.io.tmpdir=" + temporary), output);
        try (Stream<Path> files = Files.list(temporary)) {
            List<Path> left = files.filter(f -> !f.toString().contains("hsperfdata")).toList();
            assertEquals(List.of(), left);
        }
    }

    private String runInOwnProcess() throws IOException, InterruptedException {
        Process process =
                new ProcessBuilder(
                                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                                "-Djava.io.tmpdir=" + temporary,
                                "-cp",
                                System.getProperty("java.class.path"),
                                LoadJCuda.class.getName())
                        .redirectErrorStream(true)
                        .start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertEquals(0, process.waitFor(), output);
        return output;
    }
}
