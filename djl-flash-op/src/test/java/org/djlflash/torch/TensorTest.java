package org.djlflash.torch;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What a tensor says of itself, and views and copies of it. */
class TensorTest {

    private NDManager manager;

    @BeforeEach
    void open() {
        manager = NDManager.newBaseManager(Device.cpu(), TorchLibrary.ENGINE);
    }

    @AfterEach
    void close() {
        manager.close();
    }

    @Test
    void geometryIsTheArrays() {
        NDArray array = manager.arange(24f).reshape(2, 3, 4).transpose(2, 0, 1).get("1:");
        try (Tensor tensor = Tensor.of(array)) {
            assertArrayEquals(new long[] {3, 2, 3}, tensor.sizes());
            assertArrayEquals(new long[] {1, 12, 4}, tensor.strides());
            assertSame(ScalarType.FLOAT32, tensor.type());
            assertEquals(1f, tensor.hostPointer().getFloat(0));
        }
    }

    @Test
    void aScalarHasNoSizes() {
        try (Tensor tensor = Tensor.of(manager.create(5f))) {
            assertArrayEquals(new long[0], tensor.sizes());
            assertArrayEquals(new long[0], tensor.strides());
            assertEquals(5f, tensor.hostPointer().getFloat(0));
        }
    }

    @Test
    void viewsShareTheStorage() {
        NDArray array = manager.arange(12f);
        try (Tensor tensor = Tensor.of(array);
                Tensor view = tensor.view(new long[] {2, 3}, new long[] {1, 4}, 2)) {
            assertEquals(tensor.address() + 2 * Float.BYTES, view.address());
            view.zero();
        }
        assertArrayEquals(new float[] {0, 1, 0, 0, 4, 5, 0, 0, 8, 9, 0, 0}, array.toFloatArray());
    }

    @Test
    void viewsOfViewsCountFromTheirFirstElement() {
        try (Tensor tensor = Tensor.of(manager.arange(12f));
                Tensor view = tensor.view(new long[] {8}, new long[] {1}, 4);
                Tensor inner = view.view(new long[] {2}, new long[] {3}, 1)) {
            assertEquals(5f, inner.hostPointer().getFloat(0));
        }
    }

    @Test
    void aViewOutlivesTheArray() {
        NDArray array = manager.arange(6f);
        Tensor tensor = Tensor.of(array);
        array.close();
        Tensor view = tensor.view(new long[] {3}, new long[] {2}, 1);
        tensor.close();
        NDArray odd = view.toArray(manager);
        assertArrayEquals(new float[] {1, 3, 5}, odd.toFloatArray());
    }

    @Test
    void aLentTensorLeavesTheArrayItsHandle() {
        NDArray array = manager.arange(6f);
        Tensor lent = Tensor.lentBy(array);
        assertArrayEquals(new long[] {6}, lent.sizes());
        assertArrayEquals(new long[] {1}, lent.strides());
        lent.close();
        lent.close();
        assertThrows(IllegalStateException.class, lent::address);
        assertArrayEquals(new float[] {0, 1, 2, 3, 4, 5}, array.toFloatArray());
        array.close();
        assertThrows(IllegalStateException.class, () -> Tensor.lentBy(array));
    }

    @Test
    void aLentTensorIsGivenAwayAsAnotherHandle() {
        NDArray array = manager.arange(3f);
        Tensor lent = Tensor.lentBy(array);
        NDArray other = lent.toArray(manager);
        assertThrows(IllegalStateException.class, () -> lent.toArray(manager));
        array.addi(1);
        array.close();
        assertArrayEquals(new float[] {1, 2, 3}, other.toFloatArray());
    }

    @Test
    void sizesAndStridesAreCopies() {
        try (Tensor tensor = Tensor.of(manager.arange(6f).reshape(2, 3))) {
            tensor.sizes()[0] = 7;
            tensor.strides()[0] = 7;
            assertArrayEquals(new long[] {2, 3}, tensor.sizes());
            assertArrayEquals(new long[] {3, 1}, tensor.strides());
        }
    }

    @ParameterizedTest
    @EnumSource
    void everyTypeIsAllocatedAndCopied(ScalarType type) {
        NDArray array = manager.create(new float[] {1, 0, 1, 0, 1, 0}, new Shape(2, 3));
        try (Tensor source = Tensor.of(array.transpose());
                Tensor copy = Tensor.empty(type, source, source.sizes());
                Tensor back = Tensor.empty(ScalarType.FLOAT32, copy, 3, 2)) {
            copy.copyFrom(source);
            back.copyFrom(copy);
            assertSame(type, copy.type());
            assertArrayEquals(new long[] {2, 1}, copy.strides());
            assertEquals(-1, copy.deviceIndex());
            assertArrayEquals(
                    new float[] {1, 0, 0, 1, 1, 0}, back.hostPointer().getFloatArray(0, 6));
        }
    }

    @Test
    void emptySizesAreAllowed() {
        try (Tensor like = Tensor.emptyOnCpu();
                Tensor empty = Tensor.empty(ScalarType.INT64, like, 2, 0, 3)) {
            assertArrayEquals(new long[] {2, 0, 3}, empty.sizes());
            empty.zero();
        }
    }
}
