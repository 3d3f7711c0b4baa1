package org.djlflash.cuda.jit;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/** SHA-256 in the two forms that are needed: of bytes, and of a list of texts. Thread-safe. */
public final class Sha256 {

    /** The length of a digest in bytes. */
    public static final int LENGTH = 32;

    private Sha256() {}

    /**
     * Hashes bytes.
     *
     * @param bytes what to hash
     * @return the digest, {@link #LENGTH} bytes
     */
    public static byte[] of(byte[] bytes) {
        return newDigest().digest(bytes);
    }

    /**
     * Hashes a list of texts. Each is preceded by its length, so that no two lists run together.
     *
     * @param texts what to hash
     * @return the digest in lower-case hexadecimal
     */
    public static String hexOf(Iterable<String> texts) {
        MessageDigest digest = newDigest();
        for (String text : texts) {
            byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
            digest.update(ByteBuffer.allocate(Integer.BYTES).putInt(0, bytes.length));
            digest.update(bytes);
        }
        return HexFormat.of().formatHex(digest.digest());
    }

    private static MessageDigest newDigest() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("Every Java runtime must offer SHA-256.", e);
        }
    }
}
