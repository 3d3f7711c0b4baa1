package org.djlflash.backend;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import com.sun.jna.Pointer;
import org.djlflash.AttentionLayout;
import org.djlflash.Fixtures;
import org.djlflash.cuda.launch.TensorView;
import org.djlflash.cuda.plan.TensorLayout;
import org.djlflash.torch.ScalarType;
import org.djlflash.torch.Tensor;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Which tensors kernels read in place, and that copies hold the same. */
class OperandTest {

    private static final int B = 2;
    private static final int HEADS = 3;
    private static final int TOKENS = 5;
    private static final int SIZE = 8;

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
    @EnumSource
    void alignedRowsAreReadInPlace(AttentionLayout layout) {
        NDArray wide = Fixtures.gaussian(manager, 1, B, 4, 6, 2 * SIZE);
        NDArray part = wide.get(":, :3, :5, " + SIZE + ":");
        try (Tensor tensor = Tensor.of(part);
                Operand operand = Operand.of(part, layout, ScalarType.FLOAT32)) {
            assertEquals(tensor.address(), operand.view().data().address());
        }
        assertReads(part, layout, ScalarType.FLOAT32);
    }

    @ParameterizedTest
    @EnumSource
    void otherRowsAreCopied(AttentionLayout layout) {
        NDArray columnsApart = Fixtures.gaussian(manager, 2, B, SIZE, 3, 5).transpose(0, 2, 3, 1);
        NDArray oddRows = Fixtures.gaussian(manager, 3, B, 3, 5, SIZE + 1).get("..., :" + SIZE);
        NDArray oddStart =
                Fixtures.gaussian(manager, 4, B * 3 * 5 * SIZE + 1)
                        .get("1:")
                        .reshape(B, 3, 5, SIZE);
        for (NDArray array : new NDArray[] {columnsApart, oddRows, oddStart}) {
            assertCopied(array, layout, ScalarType.FLOAT32);
            assertReads(array, layout, ScalarType.FLOAT32);
        }
    }

    @ParameterizedTest
    @EnumSource
    void anotherTypeIsCopied(AttentionLayout layout) {
        NDArray array = Fixtures.gaussian(manager, 5, B, 3, 5, SIZE);
        assertCopied(array, layout, ScalarType.FLOAT64);
        assertReads(array, layout, ScalarType.FLOAT64);
    }

    @Test
    void repeatedRowsAreReadInPlace() {
        NDArray one = Fixtures.gaussian(manager, 6, B, 1, TOKENS, SIZE);
        NDArray array = one.broadcast(B, HEADS, TOKENS, SIZE);
        try (Operand operand = Operand.of(array, AttentionLayout.BNTH, ScalarType.FLOAT32)) {
            assertEquals(0, operand.view().layout().head());
        }
        assertReads(array, AttentionLayout.BNTH, ScalarType.FLOAT32);
    }

    @Test
    void tokensFirstIsPyTorchsOrder() {
        NDArray array = Fixtures.gaussian(manager, 7, B, TOKENS, HEADS, SIZE);
        try (Tensor tensor = Tensor.of(array);
                Operand operand = Operand.tokensFirst(tensor)) {
            assertEquals(
                    TensorView.of(tensor.address(), TOKENS * HEADS * SIZE, SIZE, HEADS * SIZE, 1),
                    operand.view());
        }
    }

    @Test
    void theArrayStaysOpen() {
        NDArray array = Fixtures.gaussian(manager, 8, B, 3, 5, SIZE);
        Operand.of(array, AttentionLayout.BNTH, ScalarType.FLOAT32).close();
        assertEquals(new Shape(B, 3, 5, SIZE), array.getShape());
        assertEquals(B * 3 * 5 * SIZE, array.toFloatArray().length);
        array.close();
        assertThrows(
                IllegalStateException.class,
                () -> Operand.of(array, AttentionLayout.BNTH, ScalarType.FLOAT32));
    }

    private static void assertCopied(NDArray array, AttentionLayout layout, ScalarType type) {
        try (Tensor tensor = Tensor.of(array);
                Operand operand = Operand.of(array, layout, type)) {
            assertNotEquals(tensor.address(), operand.view().data().address());
        }
    }

    /** Reads as kernels do, by the strides of rows. */
    private void assertReads(NDArray array, AttentionLayout layout, ScalarType type) {
        boolean headsFirst = layout == AttentionLayout.BNTH;
        NDArray inOrder = headsFirst ? array : array.transpose(0, 2, 1, 3);
        Shape shape = inOrder.getShape();
        float[] read = new float[(int) shape.size()];
        try (Operand operand = Operand.of(array, layout, type)) {
            TensorLayout strides = operand.view().layout();
            int at = 0;
            for (long b = 0; b < shape.get(0); b++) {
                for (long head = 0; head < shape.get(1); head++) {
                    for (long row = 0; row < shape.get(2); row++) {
                        long start =
                                b * strides.batch() + head * strides.head() + row * strides.row();
                        for (int i = 0; i < SIZE; i++) {
                            read[at++] = element(operand.view(), type, start + i);
                        }
                    }
                }
            }
        }
        assertArrayEquals(inOrder.toFloatArray(), read);
    }

    private static float element(TensorView view, ScalarType type, long index) {
        Pointer data = new Pointer(view.data().address());
        return type == ScalarType.FLOAT64
                ? (float) data.getDouble(index * Double.BYTES)
                : data.getFloat(index * Float.BYTES);
    }
}
