package org.djlflash.cuda.plan;

import java.util.ArrayList;
import java.util.List;

/**
 * Scratch memory of a plan: parts one after the other, each aligned, in one allocation that the
 * caller gives. Immutable.
 *
 * @param offsets where each part starts, in bytes; the kernels' documentation names the parts
 * @param bytes the size of the whole, 0 when none is needed
 */
public record Workspace(List<Long> offsets, long bytes) {

    /** No scratch memory. */
    public static final Workspace NONE = new Workspace(List.of(), 0);

    /** The boundary on which parts start, as for memory from the driver. */
    private static final long ALIGNMENT = 256;

    /**
     * Lays parts out.
     *
     * @param sizes their sizes in bytes
     * @return the layout
     * @throws ArithmeticException if the sum does not fit
     */
    static Workspace of(long... sizes) {
        List<Long> offsets = new ArrayList<>();
        long end = 0;
        for (long size : sizes) {
            offsets.add(end);
            end = Math.addExact(end, Math.addExact(size, ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT);
        }
        return new Workspace(List.copyOf(offsets), end);
    }
}
