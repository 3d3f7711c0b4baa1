package org.djlflash.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;

import ai.djl.engine.Engine;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.norm.Dropout;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.jni.JniUtils;
import ai.djl.training.GradientCollector;
import java.util.concurrent.atomic.AtomicInteger;
import org.djlflash.torch.GradMode;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class RecomputationTest {

    private NDManager manager;
    private Recomputation recomputation;
    private PrecisionStore store;

    @BeforeEach
    void open() {
        manager = NDManager.newBaseManager("PyTorch");
        recomputation = new Recomputation(manager);
        store = new PrecisionStore(manager, null, recomputation);
    }

    @AfterEach
    void close() {
        manager.close();
    }

    private static NDArray dropout(NDList in) {
        return Dropout.dropout(in.head(), 0.5f, true).singletonOrThrow();
    }

    /** Two parts, one behind the other, and something before them: y = d2(d1(3 x)). */
    @Test
    void backwardSeesTheDropoutOfForward() {
        NDArray x = manager.ones(new Shape(1000));
        NDArray three = manager.create(3f);
        x.setRequiresGradient(true);
        AtomicInteger runs = new AtomicInteger();
        try (GradientCollector collector = Engine.getInstance().newGradientCollector()) {
            NDArray y = x.mul(three);
            for (int i = 0; i < 2; i++) {
                y =
                        Recomputation.run(
                                store,
                                new NDList(y),
                                in -> {
                                    runs.incrementAndGet();
                                    return dropout(in);
                                });
            }
            collector.backward(y.sum());
            recomputation.backward();
            // Each kept element is doubled twice, and so is its gradient.
            assertEquals(y, x.getGradient());
            double share = y.neq(0).toType(y.getDataType(), false).mean().getFloat();
            assertEquals(0.25, share, 0.08);
        }
        assertEquals(4, runs.get());
    }

    @Test
    void nothingIsComputedAgainWithoutAutograd() {
        AtomicInteger runs = new AtomicInteger();
        NDArray x = manager.ones(new Shape(2));
        NDArray y =
                GradMode.off(
                        () ->
                                Recomputation.run(
                                        store,
                                        new NDList(x),
                                        in -> {
                                            runs.incrementAndGet();
                                            assertFalse(Recomputation.isAgain());
                                            return in.head().add(in.head());
                                        }));
        recomputation.backward();
        assertEquals(1, runs.get());
        assertEquals(2f, y.toFloatArray()[0]);
    }

    @Test
    void aPassWithoutBackwardIsForgotten() {
        NDArray x = manager.ones(new Shape(2));
        x.setRequiresGradient(true);
        try (GradientCollector collector = Engine.getInstance().newGradientCollector()) {
            NDArray y = Recomputation.run(store, new NDList(x), in -> in.head().add(in.head()));
            collector.backward(y.sum());
            y.close();
            recomputation.forget();
            recomputation.backward();
            assertNull(JniUtils.getGradient((PtNDArray) x));
        }
    }
}
