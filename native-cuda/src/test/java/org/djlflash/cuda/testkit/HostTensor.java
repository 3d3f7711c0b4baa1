package org.djlflash.cuda.testkit;

import java.util.Arrays;
import org.djlflash.cuda.plan.ElementType;
import org.djlflash.cuda.plan.TensorLayout;

/**
 * A tensor [B, H, rows, columns] of 16-bit numbers as it lies in GPU memory, with its gaps. All
 * that is not set is NaN: a kernel that reads it shows it, and one that writes it is found out. Not
 * thread-safe.
 */
public final class HostTensor {

    /** A NaN that no conversion makes. */
    private static final short POISON = 0x7fff;

    /** What lies before the first and behind the last row. */
    private static final int GUARD = 64;

    private final ElementType type;
    private final int[] sizes;
    private final TensorLayout layout;
    private final short[] memory;

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
        this.memory =
                new short
                        [Math.toIntExact(
                                2 * GUARD + sizes[0] * Math.max(layout.batch(), 1) + sizes[3])];
        Arrays.fill(memory, POISON);
    }

    /**
     * Returns the bits as they go to the GPU.
     *
     * @return the memory, guards and gaps included; a live view
     */
    public short[] memory() {
        return memory;
    }

    /**
     * Returns where the first element lies.
     *
     * @return the distance from the start of the memory in bytes
     */
    public long offsetBytes() {
        return (long) GUARD * ElementType.BYTES;
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
        return Halves.toDouble(type, memory[index(b, h, r, c)]);
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
        memory[index(b, h, r, c)] = Halves.toBits(type, value);
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
        boolean[] inside = new boolean[memory.length];
        for (int b = 0; b < sizes[0]; b++) {
            for (int h = 0; h < sizes[1]; h++) {
                for (int r = 0; r < sizes[2]; r++) {
                    int start = index(b, h, r, 0);
                    Arrays.fill(inside, start, start + sizes[3], true);
                }
            }
        }
        int damage = 0;
        for (int i = 0; i < memory.length; i++) {
            damage += inside[i] || memory[i] == POISON ? 0 : 1;
        }
        return damage;
    }

    private int index(int b, int h, int r, int c) {
        return Math.toIntExact(
                GUARD + b * layout.batch() + h * layout.head() + r * layout.row() + c);
    }
}
