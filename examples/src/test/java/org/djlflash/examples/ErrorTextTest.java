package org.djlflash.examples;

import static org.junit.jupiter.api.Assertions.assertEquals;

import ai.djl.engine.EngineException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import org.junit.jupiter.api.Test;

class ErrorTextTest {

    @Test
    void firstLine() {
        assertEquals("one", ErrorText.of(new IllegalStateException("one\ntwo")));
    }

    @Test
    void withoutMessage() {
        assertEquals("java.lang.IllegalStateException", ErrorText.of(new IllegalStateException()));
    }

    @Test
    void fileErrorsSayWhatIsWrong() {
        assertEquals("a/b: no such file", ErrorText.of(new NoSuchFileException("a/b")));
        assertEquals("a/b: access denied", ErrorText.of(new AccessDeniedException("a/b")));
        assertEquals("a: full", ErrorText.of(new FileSystemException("a", null, "full")));
    }

    @Test
    void djlsErrorsSayWhy() {
        Exception why = new NoSuchFileException("cache");
        assertEquals(
                "no libtorch: cache: no such file",
                ErrorText.of(new EngineException("no libtorch", why)));
    }
}
