package org.djlflash.nn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;

import ai.djl.engine.Engine;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.transformer.IdEmbedding;
import ai.djl.training.ParameterStore;
import org.djlflash.testkit.Closeness;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class TokenEmbeddingTest {

    private static final double ROUNDING = 1e-6;
    private static final Shape SHAPE = new Shape(2, 3);

    private NDManager manager;
    private IdEmbedding djl;
    private TokenEmbedding ours;

    @BeforeEach
    void open() throws Exception {
        Engine.getInstance().setRandomSeed(7);
        manager = NDManager.newBaseManager();
        djl = new IdEmbedding.Builder().setDictionarySize(9).setEmbeddingSize(4).build();
        Blocks.initialize(djl, manager, SHAPE);
        ours = new TokenEmbedding(9, 4);
        Blocks.copy(djl, ours, manager, SHAPE);
    }

    @AfterEach
    void close() {
        manager.close();
    }

    @ParameterizedTest
    @EnumSource(
            value = DataType.class,
            names = {"INT32", "INT64", "FLOAT32", "UINT8"})
    void equalsDjlsBlock(DataType type) {
        // An id that repeats: its gradients add up.
        NDArray ids = manager.create(new long[] {8, 0, 3, 3, 1, 3}, SHAPE).toType(type, false);
        Blocks.assertClose(
                Blocks.run(djl, manager, new NDList(ids), true),
                Blocks.run(ours, manager, new NDList(ids), true),
                ROUNDING);
        assertArrayEquals(
                djl.getOutputShapes(new Shape[] {SHAPE}),
                ours.getOutputShapes(new Shape[] {SHAPE}));
    }

    @Test
    void probabilitiesEqualThoseOfDjlsBlock() {
        NDArray x = Blocks.normal(manager, 1, 2, 3, 4);
        ParameterStore store = new ParameterStore(manager, false);
        NDArray expected = djl.probabilities(store, x, false);
        NDArray actual = ours.probabilities(store, x, false);
        assertEquals(expected.getShape(), actual.getShape());
        Closeness.assertClose("log", Closeness.toDoubles(expected), actual, ROUNDING);
    }

    @Test
    void tableStaysWithItsManager() {
        ParameterStore store = new ParameterStore(manager, false);
        NDArray table = ours.getValue(store, manager.getDevice(), false);
        try (NDManager owner = manager.newSubManager()) {
            NDArray ids = owner.create(new long[] {1, 2});
            NDList vectors = ours.forward(store, new NDList(ids), false);
            assertSame(owner, vectors.singletonOrThrow().getManager());
            assertSame(manager, table.getManager());
        }
        assertEquals(36, table.toFloatArray().length);
    }
}
