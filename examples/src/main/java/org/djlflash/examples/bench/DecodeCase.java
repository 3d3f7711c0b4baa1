package org.djlflash.examples.bench;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * One new token for each row of a key-value cache.
 *
 * @param batch the batch size B
 * @param keys the number of keys F
 */
public record DecodeCase(int batch, int keys) {

    private static final Pattern SIZES = Pattern.compile("(?<batch>\\d{1,9})x(?<keys>\\d{1,9})");

    /**
     * Reads cases.
     *
     * @param text such as {@code 256x256,1x65536}
     * @return the cases
     * @throws IllegalArgumentException if the text is none
     */
    public static List<DecodeCase> parse(String text) {
        List<DecodeCase> cases = new ArrayList<>();
        for (String part : text.split(",", -1)) {
            Matcher sizes = SIZES.matcher(part.strip());
            int batch = sizes.matches() ? Integer.parseInt(sizes.group("batch")) : 0;
            int keys = batch > 0 ? Integer.parseInt(sizes.group("keys")) : 0;
            if (keys < 1) {
                throw new IllegalArgumentException(
                        "'" + part + "', allowed are BxF of at least 1, such as 256x256,1x65536");
            }
            cases.add(new DecodeCase(batch, keys));
        }
        return cases;
    }

    /** Returns the bytes of keys and values. */
    long bytes(int keyHeads, int headSize, int elementBytes) {
        return 2L * batch * keyHeads * keys * headSize * elementBytes;
    }

    /** Returns the speed in GB/s. */
    static double gigabytesPerSecond(long bytes, double microseconds) {
        return bytes / microseconds / 1e3;
    }

    /**
     * Returns how many caches are read in turn, so that none is in the L2 cache when it is read.
     */
    static int buffers(long bytes, long cacheBytes) {
        return (int) Math.max(2, (5 * cacheBytes + bytes - 1) / bytes);
    }

    @Override
    public String toString() {
        return batch + "x" + keys;
    }
}
