package org.djlflash.cuda.launch;

import com.sun.jna.Memory;
import com.sun.jna.Pointer;
import org.djlflash.cuda.plan.ElementType;
import org.djlflash.cuda.plan.RecentlyUsed;
import org.djlflash.cuda.plan.TensorBox;
import org.djlflash.cuda.plan.TensorLayout;

/**
 * Tensor maps: what the copy engine of Hopper has to know of a tensor. The driver takes a
 * microsecond or two to encode one, and a caching allocator gives the same memory again and again,
 * so the last ones are kept. Thread-safe.
 */
final class TensorMaps {

    /** The size of an encoded map. */
    static final int BYTES = 128;

    /** The boundary on which a map lies as a kernel argument. */
    static final int ALIGNMENT = 64;

    private static final int CAPACITY = 4096;

    // The driver's numbers.
    private static final int FLOAT16 = 6;
    private static final int BFLOAT16 = 9;
    private static final int NO_INTERLEAVE = 0;
    private static final int PROMOTE_TO_256_BYTES = 3;
    private static final int FILL_WITH_ZERO = 0;

    private final RecentlyUsed<Key, byte[]> maps = new RecentlyUsed<>(CAPACITY);

    /** All that a map depends on; the sizes of a tensor [batch, heads, rows, columns]. */
    record Key(
            TensorView view,
            int batch,
            int heads,
            int rows,
            int columns,
            ElementType element,
            TensorBox box) {}

    /**
     * Returns the map of a tensor.
     *
     * @param key the tensor
     * @return 128 bytes, not to be changed
     * @throws CudaException if the driver refuses
     */
    byte[] get(Key key) {
        return maps.get(key, TensorMaps::encode);
    }

    private static byte[] encode(Key key) {
        try (Memory memory = new Memory(BYTES + ALIGNMENT)) {
            Pointer map = memory.align(ALIGNMENT);
            TensorBox box = key.box;
            boolean panels = box.panels() > 0;
            int across = key.columns / box.columns();
            CudaCall.check(
                    "cuTensorMapEncodeTiled",
                    Driver.cuTensorMapEncodeTiled(
                            Pointer.nativeValue(map),
                            key.element == ElementType.FP16 ? FLOAT16 : BFLOAT16,
                            panels ? 5 : 4,
                            key.view.data().address(),
                            panels
                                    ? new long[] {
                                        box.columns(), across, key.rows, key.heads, key.batch
                                    }
                                    : new long[] {key.columns, key.rows, key.heads, key.batch},
                            strideBytes(key),
                            panels
                                    ? new int[] {box.columns(), box.panels(), box.rows(), 1, 1}
                                    : new int[] {box.columns(), box.rows(), 1, 1},
                            new int[] {1, 1, 1, 1, 1},
                            NO_INTERLEAVE,
                            swizzle(key.box.swizzleBytes()),
                            PROMOTE_TO_256_BYTES,
                            FILL_WITH_ZERO),
                    key);
            return map.getByteArray(0, BYTES);
        }
    }

    /** The stride of a dimension of size 1 is never used, but must look like one. */
    private static long[] strideBytes(Key key) {
        TensorLayout layout = key.view.layout();
        long unused = (key.columns + 7L) / 8 * TensorLayout.ALIGNMENT;
        long row = key.rows > 1 ? layout.row() * key.element.bytes() : unused;
        long head = key.heads > 1 ? layout.head() * key.element.bytes() : unused;
        long batch = key.batch > 1 ? layout.batch() * key.element.bytes() : unused;
        return key.box.panels() > 0
                ? new long[] {key.box.swizzleBytes(), row, head, batch}
                : new long[] {row, head, batch};
    }

    /** 32, 64 and 128 bytes are the driver's 1, 2 and 3. */
    private static int swizzle(int bytes) {
        return Integer.numberOfTrailingZeros(bytes) - 4;
    }
}
