package org.djlflash.cuda.testkit;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import org.djlflash.cuda.plan.ElementType;
import org.djlflash.cuda.plan.TensorLayout;

/**
 * A tensor [B, H, rows, columns] as it lies in GPU memory, with its gaps. All that is not set is
 * NaN: a kernel that reads it shows it, and one that writes it is found out. Not thread-safe.
 */
public final class HostTensor {

    /** A NaN that no conversion makes. */
    private static final int POISON = 0x7fffffff;

    /** What lies before the first and behind the last row. */
    private static final int GUARD = 64;

    private final ElementType type;
    private final int[] sizes;
    private final TensorLayout layout;
    private final ByteBuffer memory;

    /**
     * Creates a poisoned tensor.
     *
     * @param type the format
     * @param strided whether rows of heads alternate, with gaps
     * @param sizes B, H, rows, columns
     */
    public HostTensor(ElementType type, boolean strided, int... sizes) {
        this.type = type;
        this.sizes = sizes;
        // Columns are padded to keep rows aligned, and by 8 more elements.
        long pitch = (sizes[3] + 7) / 8 * 8 + 8;
        this.layout =
                strided
                        ? new TensorLayout(
                                sizes[1] * sizes[2] * pitch + 40, pitch, sizes[1] * pitch, 1, true)
                        : TensorLayout.contiguous(sizes[1], sizes[2], sizes[3]);
        long elements = 2 * GUARD + sizes[0] * Math.max(layout.batch(), 1) + sizes[3];
        this.memory =
                ByteBuffer.allocate(Math.toIntExact(type.bytes() * elements))
                        .order(ByteOrder.nativeOrder());
        for (int i = 0; i < elements; i++) {
            setBits(i, poison());
        }
    }

    /**
     * Returns the bits as they go to the GPU.
     *
     * @return the memory, guards and gaps included; a live view
     */
    public byte[] memory() {
        return memory.array();
    }

    /**
     * Returns where the first element lies.
     *
     * @return the distance from the start of the memory in bytes
     */
    public long offsetBytes() {
        return (long) GUARD * type.bytes();
    }

    /**
     * Returns the strides.
     *
     * @return the layout
     */
    public TensorLayout layout() {
        return layout;
    }

    /**
     * Reads an element.
     *
     * @param b the sequence
     * @param h the head
     * @param r the row
     * @param c the column
     * @return the number
     */
    public double get(int b, int h, int r, int c) {
        int bits = bits(index(b, h, r, c));
        return type == ElementType.FP32
                ? Float.intBitsToFloat(bits)
                : Halves.toDouble(type, (short) bits);
    }

    /**
     * Rounds and writes an element.
     *
     * @param b the sequence
     * @param h the head
     * @param r the row
     * @param c the column
     * @param value the number
     */
    public void set(int b, int h, int r, int c, double value) {
        setBits(
                index(b, h, r, c),
                type == ElementType.FP32
                        ? Float.floatToRawIntBits((float) value)
                        : Halves.toBits(type, value));
    }

    /**
     * Returns the elements without gaps.
     *
     * @return [B, H, rows, columns]
     */
    public double[] toArray() {
        double[] array = new double[sizes[0] * sizes[1] * sizes[2] * sizes[3]];
        int next = 0;
        for (int b = 0; b < sizes[0]; b++) {
            for (int h = 0; h < sizes[1]; h++) {
                for (int r = 0; r < sizes[2]; r++) {
                    for (int c = 0; c < sizes[3]; c++) {
                        array[next++] = get(b, h, r, c);
                    }
                }
            }
        }
        return array;
    }

    /**
     * Counts the changed elements outside the tensor: guards and gaps.
     *
     * @return 0 unless something wrote there
     */
    public int damage() {
        boolean[] inside = new boolean[memory.capacity() / type.bytes()];
        for (int b = 0; b < sizes[0]; b++) {
            for (int h = 0; h < sizes[1]; h++) {
                for (int r = 0; r < sizes[2]; r++) {
                    int start = index(b, h, r, 0);
                    Arrays.fill(inside, start, start + sizes[3], true);
                }
            }
        }
        int damage = 0;
        for (int i = 0; i < inside.length; i++) {
            damage += inside[i] || bits(i) == poison() ? 0 : 1;
        }
        return damage;
    }

    private int poison() {
        return type == ElementType.FP32 ? POISON : (short) (POISON >> Short.SIZE);
    }

    private int bits(int element) {
        int at = element * type.bytes();
        return type == ElementType.FP32 ? memory.getInt(at) : memory.getShort(at);
    }

    private void setBits(int element, int bits) {
        int at = element * type.bytes();
        if (type == ElementType.FP32) {
            memory.putInt(at, bits);
        } else {
            memory.putShort(at, (short) bits);
        }
    }

    private int index(int b, int h, int r, int c) {
        return Math.toIntExact(
                GUARD + b * layout.batch() + h * layout.head() + r * layout.row() + c);
    }
}
