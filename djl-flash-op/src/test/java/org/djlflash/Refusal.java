package org.djlflash;

import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.ndarray.NDManager;
import java.util.function.Consumer;

/**
 * A call that must be refused with words on what was found and what is allowed, and its nearest
 * neighbour that must not be.
 *
 * @param name what is wrong
 * @param type the exception
 * @param bad the call
 * @param good its neighbour
 * @param words what the message must contain
 */
public record Refusal(
        String name,
        Class<? extends RuntimeException> type,
        Consumer<NDManager> bad,
        Consumer<NDManager> good,
        String... words) {

    /** Runs both calls. */
    public void verify() {
        try (NDManager manager = Fixtures.manager()) {
            String message = assertThrows(type, () -> bad.accept(manager)).getMessage();
            for (String word : words) {
                assertTrue(message.contains(word), () -> "no \"" + word + "\" in: " + message);
            }
            good.accept(manager);
        }
    }

    @Override
    public String toString() {
        return name;
    }
}
