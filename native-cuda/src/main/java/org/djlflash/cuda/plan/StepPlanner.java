package org.djlflash.cuda.plan;

import java.util.ArrayList;
import java.util.List;

/**
 * Plans the kernels that make up a decode step beside attention. They run on every GPU since
 * compute capability 8.0. Stateless and thread-safe.
 */
public final class StepPlanner {

    /** The elements that are read at once, of which vectors must be a multiple. */
    public static final int VECTOR = 8;

    /** The widest row that the kernel of normalisations keeps in registers. */
    public static final int MOST_NORMALIZED = 8192;

    /** The largest vocabulary whose ids fit into the keys by which tokens are sorted. */
    public static final int MOST_TOKENS = 1 << 24;

    /** The kernel that begins a step: what ran before it may be anybody's. */
    private static final String FIRST = "step_embed";

    /** From this compute capability on, a kernel may start under the end of the one before. */
    private static final int OVERLAP = 9;

    private static final int WARP = 32;
    private static final int TILE_OUTPUTS = 16;
    private static final int TILE_ROWS = 8;
    private static final int LINEAR_WARPS = 8;
    private static final int PLAIN_THREADS = 256;
    private static final int APPEND_THREADS = 64;
    private static final int SAMPLE_THREADS = 1024;

    private StepPlanner() {}

    /**
     * Plans the look-up of the tokens read.
     *
     * @param rows the number of rows
     * @param element the type of the vectors
     * @param device the GPU
     * @return the launch
     */
    public static KernelStep embed(int rows, ElementType element, DeviceInfo device) {
        return step(FIRST, List.of(), rows, PLAIN_THREADS, element, device);
    }

    /**
     * Plans a normalisation.
     *
     * @param rows the number of rows
     * @param rootMeanSquare whether it leaves the mean as it is
     * @param element the type of the vectors
     * @param device the GPU
     * @return the launch
     */
    public static KernelStep norm(
            int rows, boolean rootMeanSquare, ElementType element, DeviceInfo device) {
        return step(
                "step_norm",
                List.of("ROOT_MEAN_SQUARE=" + (rootMeanSquare ? 1 : 0)),
                rows,
                PLAIN_THREADS,
                element,
                device);
    }

    /**
     * Plans a linear layer. Tiles follow the number of rows; the warps, by which the order of
     * additions is set, do not: a row gives the same bits among any number.
     *
     * @param rows the number of rows
     * @param outputs the outputs of each weight
     * @param epilogue what follows
     * @param element the type of the vectors
     * @param device the GPU
     * @return the launch
     */
    public static KernelStep linear(
            int rows,
            List<Integer> outputs,
            Epilogue epilogue,
            ElementType element,
            DeviceInfo device) {
        boolean gated = epilogue == Epilogue.GATED;
        List<Integer> columns = gated ? outputs.subList(0, 1) : outputs;
        int rowTiles = rows <= TILE_ROWS ? 1 : rows <= 2 * TILE_ROWS ? 2 : 4;
        int outputTiles = gated || rowTiles == 4 ? 2 : 1;
        // As many loads on their way as registers are left beside the sums.
        int chunks = 4 / Math.max(outputTiles, rowTiles) / (gated && rowTiles == 2 ? 2 : 1);
        long blocks =
                tiles(columns, gated ? TILE_OUTPUTS : TILE_OUTPUTS * outputTiles)
                        * ceilDiv(rows, TILE_ROWS * rowTiles);
        List<String> defines =
                List.of(
                        "OUTPUT_TILES=" + outputTiles,
                        "ROW_TILES=" + rowTiles,
                        "CHUNKS=" + chunks,
                        "WARPS=" + LINEAR_WARPS,
                        "EPILOGUE=" + epilogue.ordinal());
        return step("step_linear", defines, blocks, LINEAR_WARPS * WARP, element, device);
    }

    /**
     * Plans the appending of keys and values.
     *
     * @param rows the number of rows
     * @param heads the heads of a row that there is something to do for
     * @param element the type of the vectors
     * @param device the GPU
     * @return the launch
     */
    public static KernelStep append(int rows, int heads, ElementType element, DeviceInfo device) {
        long blocks = (long) rows * heads;
        return step("step_append", List.of(), blocks, APPEND_THREADS, element, device);
    }

    /**
     * Plans the choice of the next tokens.
     *
     * @param rows the number of rows
     * @param element the type of the logits
     * @param device the GPU
     * @return the launch
     */
    public static KernelStep sample(int rows, ElementType element, DeviceInfo device) {
        return step("step_sample", List.of(), rows, SAMPLE_THREADS, element, device);
    }

    private static KernelStep step(
            String entry,
            List<String> values,
            long blocks,
            int threads,
            ElementType element,
            DeviceInfo device) {
        List<String> defines = new ArrayList<>(values);
        defines.add("ELEMENT=" + element.define());
        KernelVariant variant = new KernelVariant("step", entry, defines, device.architecture());
        boolean overlaps = device.major() >= OVERLAP && !entry.equals(FIRST);
        return new KernelStep(variant, blocks, threads, 0, List.of(), overlaps);
    }

    private static long tiles(List<Integer> outputs, int tile) {
        return outputs.stream().mapToLong(n -> ceilDiv(n, tile)).sum();
    }

    private static long ceilDiv(long length, long tile) {
        return (length + tile - 1) / tile;
    }
}
