package org.djlflash.examples;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class OutputFolderTest {

    @TempDir private Path parent;

    private List<Path> files() throws IOException {
        try (Stream<Path> files = Files.list(parent)) {
            return files.toList();
        }
    }

    @Test
    void appearsWhole() throws Exception {
        Path folder = parent.resolve("new/folder");
        Path written =
                new OutputFolder(folder)
                        .fill(
                                part -> {
                                    assertFalse(Files.exists(folder));
                                    Files.writeString(part.resolve("file"), "text");
                                });
        assertEquals(folder, written);
        assertEquals("text", Files.readString(folder.resolve("file")));
        assertEquals(List.of(parent.resolve("new")), files());
    }

    @Test
    void leavesNothingIfWritingFails() throws Exception {
        OutputFolder output = new OutputFolder(parent.resolve("folder"));
        assertThrows(
                IOException.class,
                () ->
                        output.fill(
                                part -> {
                                    Files.writeString(part.resolve("file"), "text");
                                    throw new IOException("disk full");
                                }));
        assertEquals(List.of(), files());
    }

    @Test
    void takesAnEmptyFolder() throws Exception {
        Path folder = Files.createDirectory(parent.resolve("folder"));
        new OutputFolder(folder).fill(part -> Files.writeString(part.resolve("file"), "text"));
        assertTrue(Files.exists(folder.resolve("file")));
    }

    @Test
    void replacesNothing() throws IOException {
        Path file = Files.writeString(parent.resolve("file"), "precious");
        for (Path taken : List.of(parent, file)) {
            Exception e =
                    assertThrows(IllegalArgumentException.class, () -> new OutputFolder(taken));
            assertTrue(e.getMessage().contains("--out " + taken), e.getMessage());
        }
        assertThrows(IOException.class, () -> new OutputFolder(file.resolve("below")));
    }

    @Test
    void replacesNothingThatCameLater() throws IOException {
        Path folder = parent.resolve("folder");
        OutputFolder output = new OutputFolder(folder);
        Files.createDirectory(folder);
        Files.writeString(folder.resolve("file"), "precious");
        assertThrows(IOException.class, () -> output.fill(part -> {}));
        assertEquals("precious", Files.readString(folder.resolve("file")));
        assertEquals(List.of(folder), files());
    }
}
