package org.djlflash.cuda.jit;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.Map;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The cubins that the build put in the jar, listed with their SHA-256 in a manifest. A jar built
 * without nvcc has none. Thread-safe.
 */
public final class PrebuiltCubins {

    /** The folder of the cubins on the class path. */
    public static final String FOLDER = "org/djlflash/cuda/cubin";

    /** The file in that folder with one line a cubin: key, SHA-256, the variant for people. */
    public static final String MANIFEST = "manifest.txt";

    private static final Logger LOG = LoggerFactory.getLogger(PrebuiltCubins.class);

    private final ClassLoader loader;
    private final Map<String, String> hashes;

    /** Reads the manifest of this jar; a missing or damaged one means that there are no cubins. */
    public PrebuiltCubins() {
        this(PrebuiltCubins.class.getClassLoader());
    }

    /**
     * Reads the manifest of a class path.
     *
     * @param loader what resources are read with
     */
    PrebuiltCubins(ClassLoader loader) {
        this.loader = loader;
        this.hashes = readManifest(loader);
    }

    /**
     * Returns the number of cubins that the manifest lists.
     *
     * @return 0 when the jar was built without nvcc
     */
    public int size() {
        return hashes.size();
    }

    /**
     * Looks up a cubin.
     *
     * @param key the hash over source, options and architecture
     * @return the cubin, empty when the jar has none or its hash is not that of the manifest
     */
    Optional<byte[]> get(String key) {
        String expected = hashes.get(key);
        if (expected == null) {
            return Optional.empty();
        }
        try (InputStream in = loader.getResourceAsStream(FOLDER + "/" + key + ".cubin")) {
            byte[] cubin = in == null ? new byte[0] : in.readAllBytes();
            if (HexFormat.of().formatHex(Sha256.of(cubin)).equals(expected)) {
                return Optional.of(cubin);
            }
            LOG.warn("The cubin {} in the jar is damaged and not used.", key);
        } catch (IOException e) {
            LOG.warn("The cubin {} in the jar cannot be read: {}", key, e.toString());
        }
        return Optional.empty();
    }

    private static Map<String, String> readManifest(ClassLoader loader) {
        Map<String, String> hashes = new HashMap<>();
        try (InputStream in = loader.getResourceAsStream(FOLDER + "/" + MANIFEST)) {
            String text = in == null ? "" : new String(in.readAllBytes(), StandardCharsets.UTF_8);
            for (String line : text.lines().toList()) {
                String[] words = line.split(" ", 3);
                if (words.length == 3) {
                    hashes.put(words[0], words[1]);
                }
            }
        } catch (IOException e) {
            LOG.warn("The manifest of the cubins in the jar cannot be read: {}", e.toString());
        }
        return Map.copyOf(hashes);
    }
}
