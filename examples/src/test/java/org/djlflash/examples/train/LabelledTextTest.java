package org.djlflash.examples.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.djlflash.examples.train.LabelledText.Format;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class LabelledTextTest {

    @Test
    void readsCsv() {
        String content = "a,plain text\r\nb,\"with, comma\nand \"\"quotes\"\"\"\n\"c\",last";
        assertEquals(
                List.of(
                        new LabelledText("a", "plain text"),
                        new LabelledText("b", "with, comma\nand \"quotes\""),
                        new LabelledText("c", "last")),
                LabelledText.parse(content, Format.CSV));
    }

    @Test
    void readsTsv() {
        assertEquals(
                List.of(new LabelledText("a", "b, c"), new LabelledText("d", "\"e\"")),
                LabelledText.parse("a\tb, c\nd\t\"e\"\n", Format.TSV));
    }

    @ParameterizedTest
    @CsvSource(
            quoteCharacter = '|',
            value = {
                "|a,b,c|, record 1 has 2 commas",
                "|a,b\nc|, record 2 has 0 commas",
                "|,b|, record 1 has no label",
                "|a,\"b|, record 1 has a quote that is not closed",
            })
    void refusesCsv(String content, String message) {
        String found =
                assertThrows(
                                IllegalArgumentException.class,
                                () -> LabelledText.parse(content, Format.CSV))
                        .getMessage();
        assertTrue(found.contains(message), found);
    }
}
