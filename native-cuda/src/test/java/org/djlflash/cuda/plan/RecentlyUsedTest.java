package org.djlflash.cuda.plan;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class RecentlyUsedTest {

    private final List<Integer> made = new ArrayList<>();
    private final RecentlyUsed<Integer, String> texts = new RecentlyUsed<>(3);

    private String text(int number) {
        return texts.get(
                number,
                key -> {
                    made.add(key);
                    return "number " + key;
                });
    }

    @Test
    void aValueIsMadeOnce() {
        assertNull(texts.get(1));
        String first = text(1);
        assertEquals("number 1", first);
        assertSame(first, text(1));
        assertSame(first, texts.get(1));
        assertEquals(List.of(1), made);
    }

    @Test
    void whatWasUsedLongestAgoIsForgotten() {
        for (int number : new int[] {1, 2, 3, 1, 4}) {
            text(number);
        }
        assertNull(texts.get(2));
        texts.get(3);
        text(5);
        assertNull(texts.get(1));
        assertEquals("number 3", texts.get(3));
        assertEquals(List.of(1, 2, 3, 4, 5), made);
    }

    @Test
    void aFailureIsNotKept() {
        assertThrows(
                IllegalArgumentException.class,
                () ->
                        texts.get(
                                1,
                                key -> {
                                    throw new IllegalArgumentException("planted");
                                }));
        assertEquals("number 1", text(1));
    }

    @Test
    void threadsGetTheValuesOfTheirKeys() throws Exception {
        RecentlyUsed<Integer, Integer> shared = new RecentlyUsed<>(50);
        ExecutorService threads = Executors.newFixedThreadPool(4);
        try {
            List<Future<Integer>> wrong = new ArrayList<>();
            for (int start = 0; start < 4; start++) {
                int first = start;
                wrong.add(
                        threads.submit(
                                () -> {
                                    int count = 0;
                                    for (int i = first; i < 100_000; i++) {
                                        int key = i % 70;
                                        count += shared.get(key, k -> -k) == -key ? 0 : 1;
                                    }
                                    return count;
                                }));
            }
            for (Future<Integer> count : wrong) {
                assertEquals(0, count.get(1, TimeUnit.MINUTES));
            }
        } finally {
            threads.shutdownNow();
        }
    }
}
