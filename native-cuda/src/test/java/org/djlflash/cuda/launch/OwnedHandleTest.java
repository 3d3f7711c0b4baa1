package org.djlflash.cuda.launch;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class OwnedHandleTest {

    private final OwnedHandle handle = new OwnedHandle("a stream", 42);
    private final List<Long> freed = new ArrayList<>();

    @Test
    void isFreedOnce() {
        assertEquals(42, handle.get());
        handle.free(freed::add);
        handle.free(freed::add);
        assertEquals(List.of(42L), freed);
    }

    @Test
    void isOfNoUseAfterwards() {
        handle.free(freed::add);
        IllegalStateException e = assertThrows(IllegalStateException.class, handle::get);
        assertEquals("a stream is closed", e.getMessage());
    }

    @Test
    void isNotFreedAgainWhenThatFailed() {
        assertThrows(
                IllegalArgumentException.class,
                () ->
                        handle.free(
                                last -> {
                                    throw new IllegalArgumentException("planted");
                                }));
        handle.free(freed::add);
        assertEquals(List.of(), freed);
    }
}
