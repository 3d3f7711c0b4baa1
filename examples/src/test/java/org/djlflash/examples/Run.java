package org.djlflash.examples;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.List;

/** What a run of the command line gave. */
record Run(int code, String out, String err) {

    static Run of(String... args) {
        StringWriter out = new StringWriter();
        StringWriter err = new StringWriter();
        int code = DjlFlash.run(new PrintWriter(out, true), new PrintWriter(err, true), args);
        return new Run(code, out.toString(), err.toString());
    }

    Run assertSuccess() {
        assertEquals(0, code, err);
        return this;
    }

    /** The object that is all of the standard output. */
    JsonNode json() throws IOException {
        assertSuccess();
        JsonNode node =
                new ObjectMapper()
                        .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
                        .readTree(out);
        assertTrue(node.isObject(), out);
        return node;
    }

    /** Nothing but one line on the error stream, which says all of this. */
    void assertRefused(int wantedCode, String... parts) {
        assertEquals(wantedCode, code, err);
        assertEquals("", out);
        List<String> lines = err.lines().toList();
        assertEquals(1, lines.size(), err);
        assertTrue(err.startsWith("djl-flash: "), err);
        for (String part : parts) {
            assertTrue(err.contains(part), err);
        }
        assertFalse(err.contains("Exception"), err);
    }
}
