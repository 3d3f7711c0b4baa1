package org.djlflash.torch;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import ai.djl.Device;
import ai.djl.engine.Engine;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.training.GradientCollector;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Operators that DJL lacks, values and gradients. */
class TorchOpsTest {

    private NDManager manager;

    @BeforeEach
    void open() {
        manager = NDManager.newBaseManager(Device.cpu(), TorchLibrary.ENGINE);
    }

    @AfterEach
    void close() {
        manager.close();
    }

    @ParameterizedTest
    @EnumSource(names = {"FLOAT16", "FLOAT32", "FLOAT64"})
    void aCastIsPartOfTheGraph(ScalarType type) {
        NDArray h = parameter(1, -2);
        try (GradientCollector collector = collector()) {
            NDArray cast = TorchOps.cast(h, type, manager);
            assertEquals(type.dataType(), cast.getDataType());
            NDArray back = TorchOps.cast(cast.mul(10), ScalarType.FLOAT32, manager);
            collector.backward(h.add(back).mul(3).sum());
        }
        assertArrayEquals(new float[] {33, 33}, h.getGradient().toFloatArray());
    }

    /** Why {@link TorchOps#cast} exists: half of the residual's gradient is lost, silently. */
    @Test
    void djlsOwnConversionIsNot() {
        NDArray h = parameter(1, -2);
        try (GradientCollector collector = collector()) {
            NDArray back =
                    h.toType(DataType.FLOAT16, false).mul(10).toType(DataType.FLOAT32, false);
            collector.backward(h.add(back).mul(3).sum());
        }
        assertArrayEquals(new float[] {3, 3}, h.getGradient().toFloatArray());
    }

    @Test
    void aChoiceSendsTheGradientWhereTheValueCameFrom() {
        NDArray yes = parameter(1, 2, 3);
        NDArray no = parameter(-1);
        NDArray condition = manager.create(new boolean[] {true, false, false});
        try (GradientCollector collector = collector()) {
            NDArray chosen = TorchOps.where(condition, yes, no, manager);
            assertArrayEquals(new float[] {1, -1, -1}, chosen.toFloatArray());
            collector.backward(chosen.sum());
        }
        assertArrayEquals(new float[] {1, 0, 0}, yes.getGradient().toFloatArray());
        assertArrayEquals(new float[] {2}, no.getGradient().toFloatArray());
    }

    @Test
    void siluAndItsGradient() {
        float[] points = {-3, -0.5f, 0, 2};
        NDArray x = parameter(points);
        float[] values;
        try (GradientCollector collector = collector()) {
            NDArray y = TorchOps.silu(x, manager);
            values = y.toFloatArray();
            collector.backward(y.sum());
        }
        float[] slopes = x.getGradient().toFloatArray();
        for (int i = 0; i < points.length; i++) {
            double sigmoid = 1 / (1 + Math.exp(-points[i]));
            assertEquals(points[i] * sigmoid, values[i], 1e-6);
            assertEquals(sigmoid * (1 + points[i] * (1 - sigmoid)), slopes[i], 1e-6);
        }
    }

    @Test
    void resultsBelongToTheManagerGiven() {
        NDArray array = parameter(1, 2);
        try (NDManager owner = manager.newSubManager()) {
            NDArray cast = TorchOps.cast(array, ScalarType.FLOAT16, owner);
            assertEquals(owner, cast.getManager());
        }
        assertEquals(new Shape(2), array.getShape());
    }

    @Test
    void theVersionIsThatOfDjlsEngine() {
        assertEquals(Engine.getEngine(TorchLibrary.ENGINE).getVersion(), TorchLibrary.version());
    }

    private NDArray parameter(float... values) {
        NDArray array = manager.create(values);
        array.setRequiresGradient(true);
        return array;
    }

    private static GradientCollector collector() {
        return Engine.getEngine(TorchLibrary.ENGINE).newGradientCollector();
    }
}
