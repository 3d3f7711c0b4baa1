package org.djlflash.cuda.jit;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.stream.Stream;
import org.djlflash.cuda.plan.KernelVariant;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class CubinStoreTest {

    private static final String KEY =
            CubinKey.of("source", new KernelVariant("forward", List.of(), "sm_80"), "fake 1");
    private static final String OTHER_ARCHITECTURE =
            CubinKey.of("source", new KernelVariant("forward", List.of(), "sm_90"), "fake 1");

    @TempDir private Path temporary;

    private Path folder;
    private byte[] cubin;

    @BeforeEach
    void setUp() {
        folder = temporary.resolve("a").resolve("cubins");
        cubin = new byte[5000];
        new Random(7).nextBytes(cubin);
    }

    @Test
    void keepsEntriesInAFolderOfItsOwn() throws IOException {
        CubinStore store = CubinStore.open(folder);
        assertEquals(Optional.empty(), store.problem());
        assertTrue(store.get(KEY).isEmpty());

        store.put(KEY, cubin);

        assertArrayEquals(cubin, CubinStore.open(folder).get(KEY).orElseThrow());
        assertEquals(1, store.size());
        assertEquals(
                "rwx------", PosixFilePermissions.toString(Files.getPosixFilePermissions(folder)));
        assertEquals(List.of(KEY + ".cubin"), fileNames());
    }

    @Test
    void replacesAnEntry() {
        CubinStore store = CubinStore.open(folder);
        store.put(KEY, cubin);
        store.put(KEY, new byte[] {1});

        assertArrayEquals(new byte[] {1}, store.get(KEY).orElseThrow());
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 31, 32, 33, 2500, 5031})
    void truncatedEntryIsDeleted(int length) throws IOException {
        byte[] entry = writeEntry();

        assertDamaged(Arrays.copyOf(entry, length));
    }

    @Test
    void flippedByteIsDeleted() throws IOException {
        byte[] entry = writeEntry();
        CubinStore store = CubinStore.open(folder);
        Random random = new Random(11);
        for (int i = 0; i < 1064; i++) {
            byte[] damaged = entry.clone();
            damaged[i < 64 ? i : random.nextInt(entry.length)] ^= (byte) (1 << random.nextInt(8));
            Path file = Files.write(folder.resolve(KEY + ".cubin"), damaged);
            assertTrue(store.get(KEY).isEmpty());
            assertFalse(Files.exists(file));
        }
    }

    @Test
    void entryOfAnotherArchitectureIsDeleted() throws IOException {
        CubinStore store = CubinStore.open(folder);
        store.put(OTHER_ARCHITECTURE, cubin);

        assertDamaged(Files.readAllBytes(folder.resolve(OTHER_ARCHITECTURE + ".cubin")));
    }

    @Test
    void linkInsteadOfAnEntryIsNotFollowed() throws IOException {
        byte[] entry = writeEntry();
        Path elsewhere = Files.write(temporary.resolve("elsewhere"), entry);
        Files.delete(folder.resolve(KEY + ".cubin"));
        Files.createSymbolicLink(folder.resolve(KEY + ".cubin"), elsewhere);

        assertTrue(CubinStore.open(folder).get(KEY).isEmpty());
    }

    @Test
    void readOnlyFolder() throws IOException {
        Files.createDirectories(folder);
        Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("r-x------"));

        assertMemoryOnly("is read-only");
    }

    @ParameterizedTest
    @ValueSource(strings = {"rwxrwx---", "rwx-w----", "rwxrwxrwx", "rwxr-xr-x"})
    void folderThatIsNotPrivate(String mode) throws IOException {
        Files.createDirectories(folder);
        Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString(mode));

        assertMemoryOnly("has mode " + mode);
    }

    @Test
    void folderInAFolderThatOthersCanWriteTo() throws IOException {
        Files.createDirectories(folder.getParent());
        Files.setPosixFilePermissions(
                folder.getParent(), PosixFilePermissions.fromString("rwxrwxrwx"));

        assertMemoryOnly("others can write to: " + folder.getParent().toRealPath());
    }

    @Test
    void symbolicLink() throws IOException {
        Path target = Files.createDirectories(temporary.resolve("target"));
        Files.setPosixFilePermissions(target, PosixFilePermissions.fromString("rwx------"));
        Files.createDirectories(folder.getParent());
        Files.createSymbolicLink(folder, target);

        assertMemoryOnly("is a symbolic link");
    }

    @Test
    void fileInsteadOfAFolder() throws IOException {
        Files.createDirectories(folder.getParent());
        Files.createFile(folder);

        assertMemoryOnly("FileAlreadyExistsException: " + folder);
    }

    @Test
    void folderBelowAFile() throws IOException {
        Files.createFile(temporary.resolve("a"));

        assertMemoryOnly(temporary.resolve("a").toString());
    }

    @Test
    void folderThatVanishesLater() throws IOException {
        CubinStore store = CubinStore.open(folder);
        Files.delete(folder);

        store.put(KEY, cubin);

        assertTrue(store.get(KEY).isEmpty());
        assertEquals(0, store.size());
    }

    @Test
    void oldTemporaryFilesAreRemovedAndFreshOnesStay() throws IOException {
        CubinStore.open(folder);
        Path old = Files.createFile(folder.resolve("old.tmp"));
        Files.setLastModifiedTime(old, FileTime.from(Instant.now().minus(Duration.ofHours(25))));
        Files.createFile(folder.resolve("fresh.tmp"));

        CubinStore.open(folder);

        assertEquals(List.of("fresh.tmp"), fileNames());
    }

    private byte[] writeEntry() throws IOException {
        CubinStore.open(folder).put(KEY, cubin);
        return Files.readAllBytes(folder.resolve(KEY + ".cubin"));
    }

    private void assertDamaged(byte[] entry) throws IOException {
        Path file = Files.write(folder.resolve(KEY + ".cubin"), entry);
        CubinStore store = CubinStore.open(folder);

        assertTrue(store.get(KEY).isEmpty());
        assertFalse(Files.exists(file));
        store.put(KEY, cubin);
        assertArrayEquals(cubin, store.get(KEY).orElseThrow());
    }

    private void assertMemoryOnly(String reason) {
        CubinStore store = CubinStore.open(folder);

        assertTrue(store.problem().orElseThrow().contains(reason), store.problem()::toString);
        store.put(KEY, cubin);
        assertTrue(store.get(KEY).isEmpty());
        assertEquals(0, store.size());
    }

    private List<String> fileNames() throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.map(file -> file.getFileName().toString()).toList();
        }
    }
}
