package org.djlflash.cuda.jit;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.Optional;
import java.util.stream.Stream;
import org.djlflash.cuda.config.CudaSetting;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Compiled kernels on disk, one file a key, in a folder that only the user can write to. Entries
 * appear by an atomic move, so processes share a folder without locks; a damaged entry is deleted
 * and counts as missing. Where the folder cannot be used the store is empty and keeps nothing,
 * after one warning. Thread-safe.
 */
public final class CubinStore {

    private static final Logger LOG = LoggerFactory.getLogger(CubinStore.class);

    private static final String EXTENSION = ".cubin";
    private static final String TEMPORARY = ".tmp";
    private static final Duration TEMPORARY_LIFE = Duration.ofDays(1);

    private final Path folder;
    private final String problem;
    private volatile boolean usable;

    private CubinStore(Path folder, String problem) {
        this.folder = folder;
        this.problem = problem;
        this.usable = problem == null;
    }

    /**
     * Returns the folder in use unless a setting names another: {@code djl-flash/cubins} in the
     * user's cache folder.
     *
     * @return the folder; it need not exist
     */
    public static Path defaultFolder() {
        String cache = System.getenv("XDG_CACHE_HOME");
        Path base =
                cache == null || cache.isBlank()
                        ? Path.of(System.getProperty("user.home"), ".cache")
                        : Path.of(cache);
        return CudaSetting.CACHE_FOLDER
                .path()
                .orElseGet(() -> base.resolve("djl-flash").resolve("cubins"));
    }

    /**
     * Opens a folder, creating it if needed, and removes temporary files that a killed process left
     * there more than a day ago. Never throws: a folder that cannot be used gives an empty store.
     *
     * @param folder the folder
     * @return the store
     */
    public static CubinStore open(Path folder) {
        try {
            Path real = PrivateFolder.prepare(folder);
            removeOldTemporaries(real);
            return new CubinStore(real, null);
        } catch (IOException e) {
            String reason = reasonOf(e);
            LOG.warn(
                    "Compiled kernels are kept in memory only, because the cache folder cannot be"
                            + " used: {}. Set {} to a folder of your own.",
                    reason,
                    CudaSetting.CACHE_FOLDER.property());
            return new CubinStore(folder, reason);
        }
    }

    /**
     * Returns the folder.
     *
     * @return the folder, also when it cannot be used
     */
    public Path folder() {
        return folder;
    }

    /**
     * Says why the folder was refused.
     *
     * @return the reason, empty when the folder is in use
     */
    public Optional<String> problem() {
        return Optional.ofNullable(problem);
    }

    /**
     * Counts the entries.
     *
     * @return their number; 0 when the folder cannot be read
     */
    public long size() {
        if (!usable) {
            return 0;
        }
        try (Stream<Path> files = Files.list(folder)) {
            return files.filter(file -> file.toString().endsWith(EXTENSION)).count();
        } catch (IOException ignored) {
            return 0;
        }
    }

    /**
     * Looks up an entry.
     *
     * @param key the hash over source, options, architecture and compiler
     * @return the cubin, empty when there is none or it is damaged
     */
    Optional<byte[]> get(String key) {
        if (!usable) {
            return Optional.empty();
        }
        Path file = folder.resolve(key + EXTENSION);
        try {
            byte[] entry = read(file);
            if (isIntact(key, entry)) {
                return Optional.of(Arrays.copyOfRange(entry, Sha256.LENGTH, entry.length));
            }
            LOG.warn("Damaged entry {} of the kernel cache is deleted.", file.getFileName());
            Files.deleteIfExists(file);
        } catch (NoSuchFileException ignored) {
            // The usual miss.
        } catch (IOException e) {
            LOG.warn("Entry {} of the kernel cache cannot be read: {}", file.getFileName(), e);
        }
        return Optional.empty();
    }

    /**
     * Adds or replaces an entry. A failure is logged once and ends the use of the folder.
     *
     * @param key the hash over source, options, architecture and compiler
     * @param cubin the machine code
     */
    void put(String key, byte[] cubin) {
        if (!usable) {
            return;
        }
        Path temporary = null;
        try {
            temporary = Files.createTempFile(folder, key.substring(0, 8), TEMPORARY);
            write(temporary, digest(key, cubin), cubin);
            Files.move(
                    temporary,
                    folder.resolve(key + EXTENSION),
                    StandardCopyOption.ATOMIC_MOVE,
                    StandardCopyOption.REPLACE_EXISTING);
        } catch (IOException e) {
            usable = false;
            LOG.warn("Compiled kernels are kept in memory only from now on: {}", e.toString());
            deleteQuietly(temporary);
        }
    }

    private static byte[] read(Path file) throws IOException {
        try (var in = Files.newInputStream(file, LinkOption.NOFOLLOW_LINKS)) {
            return in.readAllBytes();
        }
    }

    private static void write(Path file, byte[] digest, byte[] cubin) throws IOException {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
            ByteBuffer[] parts = {ByteBuffer.wrap(digest), ByteBuffer.wrap(cubin)};
            while (parts[1].hasRemaining()) {
                channel.write(parts);
            }
            // The name must not appear before the content does, not even after a power cut.
            channel.force(true);
        }
    }

    private static boolean isIntact(String key, byte[] entry) {
        return entry.length > Sha256.LENGTH
                && Arrays.equals(
                        Arrays.copyOf(entry, Sha256.LENGTH),
                        digest(key, Arrays.copyOfRange(entry, Sha256.LENGTH, entry.length)));
    }

    /** Covers the key too, so that a file under another kernel's name is found out. */
    private static byte[] digest(String key, byte[] cubin) {
        byte[] name = key.getBytes(StandardCharsets.UTF_8);
        return Sha256.of(
                ByteBuffer.allocate(name.length + cubin.length).put(name).put(cubin).array());
    }

    private static void removeOldTemporaries(Path folder) throws IOException {
        Instant limit = Instant.now().minus(TEMPORARY_LIFE);
        try (Stream<Path> files = Files.list(folder)) {
            for (Path file : files.filter(f -> f.toString().endsWith(TEMPORARY)).toList()) {
                if (Files.getLastModifiedTime(file).toInstant().isBefore(limit)) {
                    deleteQuietly(file);
                }
            }
        } catch (NoSuchFileException ignored) {
            // Another process removed it between the listing and the question.
        }
    }

    /** Java's own exceptions often hold nothing but the path: their class then says the rest. */
    private static String reasonOf(IOException e) {
        return e instanceof FileSystemException refusal && refusal.getReason() != null
                ? refusal.getMessage()
                : e.toString();
    }

    private static void deleteQuietly(Path file) {
        try {
            if (file != null) {
                Files.deleteIfExists(file);
            }
        } catch (IOException ignored) {
            // It will be removed by age.
        }
    }
}
