package org.djlflash.cuda.launch;

import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongConsumer;

/**
 * A handle of the driver that is freed once: the driver would follow one that is freed.
 * Thread-safe.
 */
final class OwnedHandle {

    private final String name;
    private final AtomicLong handle;

    OwnedHandle(String name, long handle) {
        this.name = name;
        this.handle = new AtomicLong(handle);
    }

    /**
     * Returns the handle.
     *
     * @throws IllegalStateException if it was freed
     */
    long get() {
        long live = handle.get();
        if (live == 0) {
            throw new IllegalStateException(name + " is closed");
        }
        return live;
    }

    /** Hands the handle over to be freed, at the first call alone. */
    void free(LongConsumer freeing) {
        long last = handle.getAndSet(0);
        if (last != 0) {
            freeing.accept(last);
        }
    }
}
