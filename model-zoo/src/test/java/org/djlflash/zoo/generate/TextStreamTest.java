package org.djlflash.zoo.generate;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Text as it grows, with a tokenizer whose tokens are bytes. */
class TextStreamTest {

    private static final TokenDecoder BYTES =
            ids -> {
                byte[] bytes = new byte[ids.length];
                for (int i = 0; i < bytes.length; i++) {
                    bytes[i] = (byte) ids[i];
                }
                return new String(bytes, StandardCharsets.UTF_8);
            };

    /** Puts a space between words, as some tokenizers do: what comes first has none. */
    private static final TokenDecoder WORDS =
            ids -> {
                List<String> words = new ArrayList<>();
                for (long id : ids) {
                    words.add("w" + id);
                }
                return String.join(" ", words);
            };

    @Test
    void waitsForWholeCharacters() {
        String text = "a\u00e9\u20ac\ud83d\ude00b";
        TextStream stream = new TextStream(BYTES);
        List<String> parts = new ArrayList<>();
        for (byte one : text.getBytes(StandardCharsets.UTF_8)) {
            String part = stream.add(one);
            if (!part.isEmpty()) {
                parts.add(part);
            }
        }
        assertEquals(List.of("a", "\u00e9", "\u20ac", "\ud83d\ude00", "b"), parts);
        assertEquals("", stream.end());
    }

    @Test
    void endsInsideACharacter() {
        TextStream stream = new TextStream(BYTES, 'x');
        assertEquals("a", stream.add('a'));
        assertEquals("", stream.add(0xe2));
        assertEquals("", stream.add(0x82));
        assertEquals("\ufffd", stream.end());
        assertEquals("", stream.end());
    }

    @Test
    void keepsTheSpaceBetweenTokensThatTheirNeighboursGive() {
        TextStream first = new TextStream(WORDS);
        assertEquals("w1", first.add(1));
        assertEquals(" w2", first.add(2));
        TextStream afterAPrompt = new TextStream(WORDS, 7, 8);
        assertEquals(" w1", afterAPrompt.add(1));
        assertEquals(" w2", afterAPrompt.add(2));
    }

    /** What is handed out is whole only when no stop string can begin in it any more. */
    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '"',
            value = {
                // text that comes | stop strings | what is left | the parts, split by commas
                "abcdef | cd | ab | a,b",
                "abcdef | xy | abcdef | a,b,c,d,e,f",
                "aab | aab | \"\" | \"\"",
                "aaab | aab | a | a",
                "abab | abc | abab | ab,ab",
                "abcabd | abd;zz | abc | abc",
                "abcd | cd;bcd | a | a",
                "abcd | bcx;d | abc | a,bc",
                "ab | abc | ab | ab",
                "a\u20acb | \u20ac | a | a",
            })
    void cutsStopStringsOff(String text, String stops, String left, String parts) {
        GrowingText growing =
                new GrowingText(BYTES, new int[] {'x'}, new StopStrings(List.of(stops.split(";"))));
        List<String> found = new ArrayList<>();
        for (byte one : text.getBytes(StandardCharsets.UTF_8)) {
            if (!growing.isStopped()) {
                add(found, growing.add(one));
            }
        }
        add(found, growing.end());
        assertEquals(left, growing.toString());
        assertEquals(parts, String.join(",", found));
        assertEquals(left, String.join("", found));
        assertEquals(!left.equals(text), growing.isStopped());
    }

    private static void add(List<String> parts, String part) {
        if (!part.isEmpty()) {
            parts.add(part);
        }
    }

    @Test
    void refusesAnEmptyStopString() {
        assertEquals(
                "stop string of 0 characters, allowed is 1 or more",
                assertThrows(
                                IllegalArgumentException.class,
                                () ->
                                        GenerationOptions.builder()
                                                .optStops(List.of("a", ""))
                                                .build())
                        .getMessage());
    }
}
