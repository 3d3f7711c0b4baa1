package org.djlflash.zoo;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.MalformedModelException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.stream.Collectors;
import org.junit.jupiter.api.io.TempDir;

/**
 * A {@code config.json} to be changed key by key.
 *
 * @param <C> what it is read into
 */
public abstract class ConfigFixture<C> {

    /** The model folder. */
    @TempDir protected Path folder;

    /** The keys, and their values as JSON. */
    protected final Map<String, String> fields = new LinkedHashMap<>();

    /** Reads the folder with the code under test. */
    protected abstract C read(Path folder) throws IOException, MalformedModelException;

    /** Writes the fields and reads them. */
    protected final C read() throws IOException, MalformedModelException {
        write();
        return read(folder);
    }

    /** Expects that the fields are refused, and that the message says why. */
    protected final void refused(String part) throws IOException {
        write();
        MalformedModelException e = assertThrows(MalformedModelException.class, () -> read(folder));
        assertTrue(e.getMessage().startsWith("config.json"), e.getMessage());
        assertTrue(e.getMessage().contains(part), e.getMessage());
    }

    /** Expects that the fields are read, but refused with one of another value. */
    protected final void refusedWith(String key, String value, String... parts)
            throws IOException, MalformedModelException {
        read();
        fields.put(key, value);
        refused('"' + key + "\" must be");
        for (String part : parts) {
            refused(part);
        }
    }

    /** Expects that a field makes no difference. */
    protected final void ignored(String key, String value)
            throws IOException, MalformedModelException {
        C expected = read();
        fields.put(key, value);
        assertEquals(expected, read());
    }

    private void write() throws IOException {
        String text =
                fields.entrySet().stream()
                        .map(entry -> '"' + entry.getKey() + "\":" + entry.getValue())
                        .collect(Collectors.joining(",", "{", "}"));
        Files.writeString(folder.resolve("config.json"), text);
    }
}
