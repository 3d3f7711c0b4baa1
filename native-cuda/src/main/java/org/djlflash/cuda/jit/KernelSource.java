package org.djlflash.cuda.jit;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The device code in the jar. An entry is given as one text in which every quoted include is
 * replaced by the file, once each, so that both compilers see the same text and need no search
 * path, and its hash covers all that the kernel is made from. Thread-safe.
 */
public final class KernelSource {

    private static final String ROOT = "/org/djlflash/cuda/device/";

    private static final Pattern INCLUDE = Pattern.compile("\\s*#\\s*include\\s+\"([^\"]+)\".*");
    private static final Pattern PRAGMA_ONCE = Pattern.compile("\\s*#\\s*pragma\\s+once\\b.*");

    private final Map<String, String> texts = new ConcurrentHashMap<>();

    /** Creates a reader; files are read when they are asked for, and kept. */
    public KernelSource() {}

    /**
     * Returns an entry with all its includes.
     *
     * @param file the path below the root of the device code
     * @return the text, with line directives so that compilers name the original files
     * @throws KernelUnavailableException if a file is missing
     */
    public String text(String file) {
        return texts.computeIfAbsent(file, KernelSource::resolve);
    }

    private static String resolve(String file) {
        StringBuilder text = new StringBuilder();
        append(file, new HashSet<>(), text);
        return text.toString();
    }

    private static void append(String file, Set<String> seen, StringBuilder text) {
        if (!seen.add(file)) {
            return;
        }
        lineDirective(1, file, text);
        int number = 0;
        for (String line : read(file).lines().toList()) {
            number++;
            Matcher include = INCLUDE.matcher(line);
            if (include.matches()) {
                append(include.group(1), seen, text);
                lineDirective(number + 1, file, text);
            } else if (PRAGMA_ONCE.matcher(line).matches()) {
                text.append('\n');
            } else {
                text.append(line).append('\n');
            }
        }
    }

    private static void lineDirective(int line, String file, StringBuilder text) {
        text.append("#line ").append(line).append(" \"").append(file).append("\"\n");
    }

    private static String read(String file) {
        try (InputStream in = KernelSource.class.getResourceAsStream(ROOT + file)) {
            if (in == null) {
                throw new KernelUnavailableException("The jar has no device code " + file + ".");
            }
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new KernelUnavailableException("Device code " + file + " cannot be read.", e);
        }
    }
}
