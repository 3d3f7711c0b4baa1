package org.djlflash.backend;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import java.nio.FloatBuffer;
import org.djlflash.AttentionOptions;
import org.djlflash.Fixtures;
import org.djlflash.FlashAttention;
import org.djlflash.kv.KvCache;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

/** Arrays without strides are refused wherever arrays come in. */
class ArrayCheckTest {

    private NDManager manager;
    private NDArray dense;
    private NDArray sparse;

    @BeforeEach
    void open() {
        manager = Fixtures.manager();
        dense = manager.ones(new Shape(1, 1, 2, 8));
        long[][] places = {{0, 0}, {0, 0}, {0, 1}, {0, 1}};
        sparse =
                manager.createCoo(
                        FloatBuffer.wrap(new float[] {1, 2}), places, new Shape(1, 1, 2, 8));
    }

    @AfterEach
    void close() {
        manager.close();
    }

    @Test
    void sparseArraysAreNotUsable() {
        assertDoesNotThrow(() -> ArrayCheck.usable("query", dense));
        assertSparse("query", () -> ArrayCheck.usable("query", sparse));
    }

    @Test
    void everyArgumentIsChecked() {
        AttentionOptions biased = AttentionOptions.builder().optBias(sparse).build();
        KvCache cache =
                KvCache.builder()
                        .setBatchSize(1)
                        .setHeads(1)
                        .setHeadSize(8)
                        .setCapacity(9)
                        .build(manager);
        assertSparse("query", () -> FlashAttention.attend(sparse, dense, dense));
        assertSparse("key", () -> FlashAttention.attend(dense, sparse, dense));
        assertSparse("value", () -> FlashAttention.attend(dense, dense, sparse));
        assertSparse("bias", () -> FlashAttention.attend(dense, dense, dense, biased));
        assertSparse("key", () -> cache.append(sparse, dense));
        assertSparse("value", () -> cache.append(dense, sparse));
    }

    private static void assertSparse(String name, Executable call) {
        assertEquals(
                name + " is sparse (COO), allowed are dense arrays",
                assertThrows(IllegalArgumentException.class, call).getMessage());
    }
}
