package org.djlflash;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import ai.djl.engine.Engine;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.training.GradientCollector;
import org.djlflash.kv.KvCache;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Thousands of calls leave no array behind, at any manager. */
class FlatMemoryTest {

    /** For each of two cases. */
    private static final int CALLS = 2500;

    @ParameterizedTest
    @EnumSource(value = Backend.class, names = "CUDA", mode = EnumSource.Mode.EXCLUDE)
    void attendWithGradients(Backend backend) {
        try (NDManager manager = Fixtures.manager()) {
            NDArray q = Fixtures.leaf(Fixtures.gaussian(manager, 1, 2, 2, 3, 4));
            NDArray bias = Fixtures.leaf(Fixtures.gaussian(manager, 2, 3, 3));
            AttentionOptions options =
                    AttentionOptions.builder()
                            .optBackend(backend)
                            .optCausal(true)
                            .optKeyLengths(3, 2)
                            .optBias(bias)
                            .build();
            int arrays = manager.getManagedArrays().size();
            for (int i = 0; i < CALLS; i++) {
                try (GradientCollector collector =
                                Engine.getEngine("PyTorch").newGradientCollector();
                        NDManager scope = manager.newSubManager();
                        NDArray output = FlashAttention.attend(q, q, q, options)) {
                    NDArray loss = output.sum();
                    // The collector leaves an array at the manager of the loss.
                    loss.attach(scope);
                    collector.backward(loss);
                }
                assertEquals(arrays, manager.getManagedArrays().size());
            }
        }
    }

    @ParameterizedTest
    @EnumSource(value = Backend.class, names = "CUDA", mode = EnumSource.Mode.EXCLUDE)
    void attendWithTokensFirst(Backend backend) {
        try (NDManager manager = Fixtures.manager()) {
            NDArray q = Fixtures.gaussian(manager, 3, 2, 3, 2, 4);
            AttentionOptions options =
                    AttentionOptions.builder()
                            .optBackend(backend)
                            .optLayout(AttentionLayout.BTNH)
                            .build();
            int arrays = manager.getManagedArrays().size();
            for (int i = 0; i < CALLS / 5; i++) {
                FlashAttention.attend(q, q, q, options).close();
            }
            assertEquals(arrays, manager.getManagedArrays().size());
        }
    }

    @ParameterizedTest
    @EnumSource(AttentionLayout.class)
    void decode(AttentionLayout layout) {
        int capacity = 16;
        try (NDManager manager = Fixtures.manager()) {
            NDArray token = Fixtures.gaussian(manager, 4, 2, 2, 2, 4);
            AttentionOptions options = AttentionOptions.builder().optLayout(layout).build();
            int before = manager.getManagedArrays().size();
            KvCache cache =
                    KvCache.builder()
                            .setBatchSize(2)
                            .setHeads(2)
                            .setHeadSize(4)
                            .setCapacity(capacity)
                            .build(manager);
            int arrays = manager.getManagedArrays().size();
            for (int i = 0; i < CALLS; i++) {
                if (cache.lengths()[0] == capacity) {
                    cache.truncate(0, 0);
                }
                FlashAttention.decode(token, token, token, cache, options).close();
            }
            assertEquals(arrays, manager.getManagedArrays().size());
            cache.close();
            assertEquals(before, manager.getManagedArrays().size());
        }
    }

    @Test
    void outputsBelongToTheManagerOfTheQueries() {
        try (NDManager manager = Fixtures.manager()) {
            NDArray key = Fixtures.gaussian(manager, 5, 1, 2, 3, 4);
            int arrays = manager.getManagedArrays().size();
            for (Backend backend : Fixtures.CPU_BACKENDS) {
                AttentionOptions options = AttentionOptions.builder().optBackend(backend).build();
                NDManager scope = manager.newSubManager();
                NDArray query = Fixtures.gaussian(scope, 6, 1, 2, 3, 4);
                NDArray output = FlashAttention.attend(query, key, key, options);
                assertEquals(scope, output.getManager());
                assertEquals(2, scope.getManagedArrays().size());
                scope.close();
                assertThrows(IllegalStateException.class, output::toFloatArray);
                assertThrows(
                        IllegalStateException.class,
                        () -> FlashAttention.attend(query, key, key, options));
                assertEquals(arrays, manager.getManagedArrays().size());
                FlashAttention.attend(key, key, key, options).close();
            }
        }
    }
}
