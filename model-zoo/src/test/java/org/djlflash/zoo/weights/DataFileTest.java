package org.djlflash.zoo.weights;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class DataFileTest {

    private static final int SIZE = 20_000;

    @TempDir Path folder;
    private Path path;
    private final byte[] content = new byte[SIZE];

    @BeforeEach
    void write() throws IOException {
        new Random(1).nextBytes(content);
        path = Files.write(folder.resolve("x.bin"), content);
    }

    @ParameterizedTest
    @CsvSource({"0, 20000", "5, 9", "4095, 4098", "20000, 20000"})
    void readsAnyRange(int begin, int end) throws IOException {
        try (DataFile file = DataFile.open(path)) {
            assertEquals(SIZE, file.size());
            assertArrayEquals(
                    Arrays.copyOfRange(content, begin, end), read(file, begin, end - begin));
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 4096, SIZE - 1})
    void reportsAFileThatShrank(int newSize) throws IOException {
        try (DataFile file = DataFile.open(path)) {
            read(file, 0, SIZE);
            try (FileChannel channel = FileChannel.open(path, StandardOpenOption.WRITE)) {
                channel.truncate(newSize);
            }
            IOException e = assertThrows(IOException.class, () -> read(file, 0, SIZE));
            assertEquals(
                    "x.bin had 20000 bytes when it was opened, and now ends before byte "
                            + (newSize + 1),
                    e.getMessage());
        }
    }

    @Test
    void closes() throws IOException {
        DataFile file = DataFile.open(path);
        assertTrue(file.isOpen());
        file.close();
        assertFalse(file.isOpen());
    }

    @Test
    void readsBeyondTwoGibibytes() throws IOException {
        long far = (1L << 31) + 12345;
        Path large = folder.resolve("large.bin");
        try (FileChannel channel =
                FileChannel.open(
                        large,
                        StandardOpenOption.CREATE_NEW,
                        StandardOpenOption.SPARSE,
                        StandardOpenOption.WRITE)) {
            channel.write(ByteBuffer.wrap(content), far);
        }
        try (DataFile file = DataFile.open(large)) {
            assertArrayEquals(content, read(file, far, SIZE));
        }
    }

    private static byte[] read(DataFile file, long position, int size) throws IOException {
        ByteBuffer target = ByteBuffer.allocateDirect(size);
        file.read(position, target);
        byte[] bytes = new byte[size];
        target.flip().get(bytes);
        return bytes;
    }
}
