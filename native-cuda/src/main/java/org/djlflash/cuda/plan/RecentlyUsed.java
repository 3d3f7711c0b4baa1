package org.djlflash.cuda.plan;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Function;

/**
 * What was made last for some keys; what was used longest ago is forgotten. Thread-safe.
 *
 * @param <K> what a value is made from, and all that it depends on
 * @param <V> what is kept
 */
public final class RecentlyUsed<K, V> {

    private final Map<K, V> values;

    /** A map in the order of use. */
    private static final class Bounded<K, V> extends LinkedHashMap<K, V> {

        private static final long serialVersionUID = 1L;

        private final int capacity;

        Bounded(int capacity) {
            super(16, 0.75f, true);
            this.capacity = capacity;
        }

        @Override
        protected boolean removeEldestEntry(Map.Entry<K, V> eldest) {
            return size() > capacity;
        }
    }

    /**
     * Creates an empty store.
     *
     * @param capacity how many values are kept
     */
    public RecentlyUsed(int capacity) {
        values = Collections.synchronizedMap(new Bounded<>(capacity));
    }

    /**
     * Returns a value, which counts as its use.
     *
     * @param key the key
     * @return the value, or null if it is not kept
     */
    public V get(K key) {
        return values.get(key);
    }

    /**
     * Returns a value, made now unless it is kept. Nobody waits meanwhile: two threads may make the
     * same.
     *
     * @param key the key
     * @param making makes the value; what it throws is thrown, and nothing is kept then
     * @return the value
     */
    public V get(K key, Function<K, V> making) {
        V value = values.get(key);
        if (value == null) {
            value = making.apply(key);
            values.put(key, value);
        }
        return value;
    }
}
