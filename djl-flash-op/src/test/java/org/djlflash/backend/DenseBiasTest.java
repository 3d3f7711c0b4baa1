package org.djlflash.backend;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import org.djlflash.AttentionLayout;
import org.djlflash.AttentionRequest;
import org.djlflash.CausalAlignment;
import org.djlflash.Fixtures;
import org.djlflash.cuda.plan.BiasKind;
import org.djlflash.torch.Tensor;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The bias that kernels read by three strides, rows being contiguous. */
class DenseBiasTest {

    private static final int B = 2;
    private static final int N = 4;
    private static final int T = 3;
    private static final int F = 5;
    private static final Shape SCORES = new Shape(B, N, T, F);
    private static final float HIDDEN = Float.NEGATIVE_INFINITY;

    private NDManager manager;

    @BeforeEach
    void open() {
        manager = Fixtures.manager();
    }

    @AfterEach
    void close() {
        manager.close();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "", "1", "5", "3,5", "3,1", "1,5", "4,1,1", "2,1,1,5", "2,1,3,1", "2,4,3,1",
                "1,1,1,1", "1,4,3,5", "2,4,3,5"
            })
    void everyShapeIsBroadcast(String sizes) {
        Shape shape = new Shape(sizes(sizes));
        NDArray bias = Fixtures.gaussian(manager, 1, shape.getShape());
        assertRead(bias.broadcast(SCORES), null, bias);
        NDArray mask = bias.gt(0);
        assertRead(expected(mask, manager.zeros(SCORES)), mask, null);
        assertRead(expected(mask, bias.broadcast(SCORES)), mask, bias);
    }

    @Test
    void stridesAreFollowed() {
        NDArray transposed = Fixtures.gaussian(manager, 2, F, T).transpose();
        assertRead(transposed.broadcast(SCORES), null, transposed);
        NDArray mask = transposed.gt(0).transpose().duplicate().transpose();
        assertRead(expected(mask, manager.zeros(SCORES)), mask, null);
        NDArray everySecond = Fixtures.gaussian(manager, 3, T, 2 * F).get(":, ::2");
        assertRead(everySecond.broadcast(SCORES), null, everySecond);
    }

    @Test
    void contiguousRowsAreReadInPlace() {
        NDArray bias = Fixtures.gaussian(manager, 4, B, 1, T, 2 * F).get("..., " + F + ":");
        try (Tensor given = Tensor.of(bias);
                Tensor read = DenseBias.of(inputs(null, bias, DataType.FLOAT32))) {
            assertEquals(given.address(), read.address());
            assertArrayEquals(new long[] {2L * T * F, 0, 2 * F, 1}, read.strides());
        }
    }

    @Test
    void withoutMaskAndBiasThereIsNone() {
        AttentionInputs inputs = inputs(null, null, DataType.FLOAT32);
        assertNull(DenseBias.of(inputs));
        assertEquals(BiasKind.NONE, DenseBias.kind(inputs.request()));
    }

    private static long[] sizes(String text) {
        if (text.isEmpty()) {
            return new long[0];
        }
        String[] parts = text.split(",");
        long[] sizes = new long[parts.length];
        for (int i = 0; i < sizes.length; i++) {
            sizes[i] = Long.parseLong(parts[i]);
        }
        return sizes;
    }

    /** By plain arithmetic on the host. */
    private NDArray expected(NDArray mask, NDArray bias) {
        boolean[] seen = mask.broadcast(SCORES).toBooleanArray();
        float[] values = bias.toFloatArray();
        for (int i = 0; i < values.length; i++) {
            values[i] = seen[i] ? values[i] : HIDDEN;
        }
        return manager.create(values, SCORES);
    }

    private void assertRead(NDArray expected, NDArray mask, NDArray bias) {
        // Of FLOAT32 arrays a kernel that computes in FLOAT16 reads FLOAT32 as well.
        for (DataType computeType : new DataType[] {DataType.FLOAT32, DataType.FLOAT16}) {
            AttentionInputs inputs = inputs(mask, bias, computeType);
            boolean element = computeType == DataType.FLOAT32;
            assertEquals(
                    element ? BiasKind.ELEMENT : BiasKind.FLOAT, DenseBias.kind(inputs.request()));
            try (Tensor read = DenseBias.of(inputs)) {
                assertArrayEquals(SCORES.getShape(), read.sizes());
                assertArrayEquals(expected.toFloatArray(), asKernelsDo(read));
            }
        }
    }

    private static float[] asKernelsDo(Tensor bias) {
        long[] strides = bias.strides();
        float[] values = new float[(int) SCORES.size()];
        int at = 0;
        for (int b = 0; b < B; b++) {
            for (int n = 0; n < N; n++) {
                for (int t = 0; t < T; t++) {
                    long row = b * strides[0] + n * strides[1] + t * strides[2];
                    for (int f = 0; f < F; f++) {
                        values[at++] = bias.hostPointer().getFloat((row + f) * Float.BYTES);
                    }
                }
            }
        }
        return values;
    }

    private AttentionInputs inputs(NDArray mask, NDArray bias, DataType computeType) {
        NDArray query = manager.zeros(new Shape(B, N, T, 8));
        NDArray key = manager.zeros(new Shape(B, N, F, 8));
        AttentionRequest request =
                new AttentionRequest(
                        B,
                        N,
                        N,
                        T,
                        F,
                        8,
                        DataType.FLOAT32,
                        computeType,
                        Device.cpu(),
                        false,
                        1,
                        CausalAlignment.NONE,
                        false,
                        mask != null,
                        bias != null,
                        0,
                        false,
                        0);
        return new AttentionInputs(
                request, AttentionLayout.BNTH, query, key, key, null, null, false, mask, bias);
    }
}
