package org.djlflash.cuda.plan;

import java.util.ArrayList;
import java.util.List;

/**
 * Plans for the portable tensor-core kernels, which run on every GPU since compute capability 8.0.
 * Tiles come from {@link TileTable}, splits from {@link SplitHeuristic}; here they become
 * compile-time values and launch sizes, as the entries of the device code demand. Stateless and
 * thread-safe.
 */
public final class Sm80Planner {

    private static final int WARP = 32;

    /** The threads of the kernels that have no tile of their own. */
    private static final int PLAIN_THREADS = 256;

    /** The elements that a block of the row-wise kernels of the backward pass takes. */
    private static final int ROW_ELEMENTS = 2048;

    private Sm80Planner() {}

    /**
     * Says why a problem cannot be solved by these kernels.
     *
     * @param problem the problem
     * @param device the GPU
     * @return all reasons as sentences, empty when the problem can be planned
     */
    public static List<String> unsupportedReasons(AttentionProblem problem, DeviceInfo device) {
        List<String> reasons = Sm80Limits.brokenBy(problem, device);
        return reasons.isEmpty() ? launchReasons(problem, device) : reasons;
    }

    /**
     * Plans a problem.
     *
     * @param problem the problem
     * @param device the GPU
     * @return the plan
     * @throws IllegalArgumentException if the problem is unsupported; the message holds all reasons
     */
    public static AttentionPlan plan(AttentionProblem problem, DeviceInfo device) {
        List<String> reasons = unsupportedReasons(problem, device);
        if (!reasons.isEmpty()) {
            throw new IllegalArgumentException(
                    "No kernel for %s on %s: %s"
                            .formatted(problem, device, String.join(" ", reasons)));
        }
        return planChecked(problem, device);
    }

    /**
     * Plans the kernel that writes the dropout mask of a problem as bytes, for tests and for
     * backends that must drop the same weights.
     *
     * @param problem a problem that can be planned
     * @param device the GPU
     * @return the launch
     */
    public static KernelStep dropoutMask(AttentionProblem problem, DeviceInfo device) {
        long elements = Math.multiplyExact(problem.shape().rows(), problem.shape().keys());
        return new KernelStep(
                new KernelVariant("dropout_mask", List.of(), device.architecture()),
                ceilDiv(elements, PLAIN_THREADS),
                PLAIN_THREADS,
                0);
    }

    /** What only shows in the finished plan: sizes that the driver or the GPU refuses. */
    private static List<String> launchReasons(AttentionProblem problem, DeviceInfo device) {
        List<String> reasons = new ArrayList<>();
        try {
            AttentionPlan plan = planChecked(problem, device);
            List<KernelStep> steps = new ArrayList<>(plan.forward());
            steps.addAll(plan.backward());
            for (KernelStep step : steps) {
                if (step.blocks() > Integer.MAX_VALUE) {
                    reasons.add(
                            "%s needs %d blocks; a grid has at most %d."
                                    .formatted(step.variant(), step.blocks(), Integer.MAX_VALUE));
                }
                if (step.sharedBytes() > device.sharedMemoryPerBlock()) {
                    reasons.add(
                            "%s needs %d bytes of shared memory; a block of %s has %d."
                                    .formatted(
                                            step.variant(),
                                            step.sharedBytes(),
                                            device.name(),
                                            device.sharedMemoryPerBlock()));
                }
            }
        } catch (ArithmeticException e) {
            reasons.add("The shape " + problem.shape() + " exceeds 64-bit sizes.");
        }
        return reasons;
    }

    private static AttentionPlan planChecked(AttentionProblem problem, DeviceInfo device) {
        if (problem.decode()) {
            return planDecode(problem, device);
        }
        boolean gradient = problem.gradient() != GradientNeed.NONE;
        Tile tile = gradient ? backwardTile(problem, device) : null;
        return new AttentionPlan(
                problem,
                device,
                List.of(forward(problem, device)),
                gradient ? backward(problem, device, tile) : List.of(),
                1,
                Workspace.NONE,
                gradient ? backwardWorkspace(problem, tile) : Workspace.NONE);
    }

    private static KernelStep forward(AttentionProblem problem, DeviceInfo device) {
        int headDim = headDim(problem);
        Tile tile = forwardTile(problem, device);
        List<String> defines = elementDefines(problem, headDim);
        defines.addAll(tileDefines(tile));
        defines.addAll(scoreDefines(problem));
        AttentionShape shape = problem.shape();
        return new KernelStep(
                new KernelVariant("forward", defines, device.architecture()),
                blocks(ceilDiv(shape.queries(), tile.blockM()), shape.queryHeads(), shape.batch()),
                tile.warps() * WARP,
                forwardSharedBytes(problem.element(), headDim, tile));
    }

    /** Q and the staged K and V. */
    private static int forwardSharedBytes(ElementType element, int headDim, Tile tile) {
        int operands = headDim * (tile.blockM() + 2 * tile.stages() * tile.blockN());
        return element.bytes() * operands + splitBytes(element, 1 + 2 * tile.stages(), tile);
    }

    /** A number a warp, so many times, where tiles are split. */
    private static int splitBytes(ElementType element, int count, Tile tile) {
        return element == ElementType.FP32 ? count * tile.warps() * Float.BYTES : 0;
    }

    private static List<KernelStep> backward(
            AttentionProblem problem, DeviceInfo device, Tile tile) {
        int headDim = backwardHeadDim(problem);
        List<String> rowDot = elementDefines(problem, headDim);
        rowDot.add("BLOCK_M=" + tile.blockM());
        List<String> main = elementDefines(problem, headDim);
        main.addAll(tileDefines(tile));
        main.addAll(scoreDefines(problem));
        AttentionShape shape = problem.shape();
        return List.of(
                rowWise("backward_row_dot", rowDot, problem, device),
                new KernelStep(
                        new KernelVariant("backward", main, device.architecture()),
                        blocks(
                                ceilDiv(shape.keys(), tile.blockN()),
                                shape.keyHeads(),
                                shape.batch()),
                        tile.warps() * WARP,
                        backwardSharedBytes(problem.element(), headDim, tile)),
                rowWise("backward_convert_dq", elementDefines(problem, headDim), problem, device));
    }

    /** K, V and the staged Q and dO; P and dS; the two statistics of each staged query. */
    private static int backwardSharedBytes(ElementType element, int headDim, Tile tile) {
        int operands = headDim * (2 * tile.blockN() + 2 * tile.stages() * tile.blockM());
        int scores = 2 * tile.blockM() * tile.blockN();
        return element.bytes() * (operands + scores)
                + 2 * Float.BYTES * tile.stages() * tile.blockM()
                + splitBytes(element, 2 + 2 * tile.stages() + 2, tile);
    }

    private static KernelStep rowWise(
            String entry, List<String> defines, AttentionProblem problem, DeviceInfo device) {
        int rowsPerBlock = ROW_ELEMENTS / powerOfTwoCeiling(backwardHeadDim(problem));
        return new KernelStep(
                new KernelVariant(entry, defines, device.architecture()),
                ceilDiv(problem.shape().rows(), rowsPerBlock),
                PLAIN_THREADS,
                0);
    }

    private static Workspace backwardWorkspace(AttentionProblem problem, Tile tile) {
        AttentionShape shape = problem.shape();
        long rows = shape.rows();
        long turns =
                blocks(ceilDiv(shape.queries(), tile.blockM()), shape.queryHeads(), shape.batch());
        return Workspace.of(
                Math.multiplyExact(rows, 2L * Float.BYTES),
                Math.multiplyExact(rows, (long) backwardHeadDim(problem) * Float.BYTES),
                problem.deterministic() ? Math.multiplyExact(turns, Integer.BYTES) : 0);
    }

    private static AttentionPlan planDecode(AttentionProblem problem, DeviceInfo device) {
        AttentionShape shape = problem.shape();
        int headDim = headDim(problem);
        long sharingRows = (long) shape.queries() * (shape.queryHeads() / shape.keyHeads());
        Tile tile = TileTable.decode(headDim, device, sharingRows);
        int ring = tile.stages() * tile.warps() * 64 * headDim;
        int merge = tile.warps() * tile.blockM() * (headDim + 6) * Float.BYTES;
        int sharedBytes = Math.max(ring, merge);
        int threads = tile.warps() * WARP;
        long groups = blocks(ceilDiv(sharingRows, tile.blockM()), shape.keyHeads(), shape.batch());
        int splits =
                problem.splits() > 0
                        ? problem.splits()
                        : SplitHeuristic.splits(
                                groups,
                                ceilDiv(shape.keys(), tile.blockN()),
                                device.multiprocessors());

        List<String> defines = elementDefines(problem, headDim);
        defines.add("ROWS=" + tile.blockM());
        defines.add("WARPS=" + tile.warps());
        defines.add("STAGES=" + tile.stages());
        List<KernelStep> steps = new ArrayList<>();
        steps.add(
                new KernelStep(
                        new KernelVariant("decode_split", defines, device.architecture()),
                        Math.multiplyExact(groups, splits),
                        threads,
                        sharedBytes));
        Workspace workspace = Workspace.NONE;
        if (splits > 1) {
            steps.add(combine(problem, device, headDim));
            long partials = Math.multiplyExact(shape.rows(), splits);
            workspace =
                    Workspace.of(
                            Math.multiplyExact(partials, (long) headDim * Float.BYTES),
                            Math.multiplyExact(partials, Float.BYTES));
        }
        return new AttentionPlan(
                problem, device, List.copyOf(steps), List.of(), splits, workspace, Workspace.NONE);
    }

    private static KernelStep combine(AttentionProblem problem, DeviceInfo device, int headDim) {
        return new KernelStep(
                new KernelVariant(
                        "decode_combine", elementDefines(problem, headDim), device.architecture()),
                problem.shape().rows(),
                PLAIN_THREADS,
                0);
    }

    private static Tile forwardTile(AttentionProblem problem, DeviceInfo device) {
        return problem.element() == ElementType.FP32
                ? Fp32TileTable.forward(headDim(problem), device, hasExtraWork(problem))
                : TileTable.forward(headDim(problem), device, hasExtraWork(problem));
    }

    private static Tile backwardTile(AttentionProblem problem, DeviceInfo device) {
        return problem.element() == ElementType.FP32
                ? Fp32TileTable.backward(backwardHeadDim(problem), device, hasExtraWork(problem))
                : TileTable.backward(backwardHeadDim(problem), device, hasExtraWork(problem));
    }

    private static boolean hasExtraWork(AttentionProblem problem) {
        return problem.bias() != BiasKind.NONE || problem.dropout() > 0;
    }

    private static int backwardHeadDim(AttentionProblem problem) {
        return TileTable.backwardHeadDim(problem.shape().headSize());
    }

    private static int headDim(AttentionProblem problem) {
        return TileTable.headDim(problem.shape().headSize());
    }

    private static List<String> elementDefines(AttentionProblem problem, int headDim) {
        return new ArrayList<>(
                List.of("HEAD_DIM=" + headDim, "ELEMENT=" + problem.element().define()));
    }

    private static List<String> tileDefines(Tile tile) {
        return List.of(
                "BLOCK_M=" + tile.blockM(),
                "BLOCK_N=" + tile.blockN(),
                "WARPS=" + tile.warps(),
                "STAGES=" + tile.stages());
    }

    private static List<String> scoreDefines(AttentionProblem problem) {
        return List.of(
                "BIAS=" + (problem.bias() == BiasKind.NONE ? 0 : 1),
                "DROPOUT=" + (problem.dropout() > 0 ? 1 : 0));
    }

    private static long blocks(long tiles, int heads, int batch) {
        return Math.multiplyExact(Math.multiplyExact(tiles, heads), (long) batch);
    }

    private static long ceilDiv(long size, long part) {
        return (size + part - 1) / part;
    }

    private static int powerOfTwoCeiling(int value) {
        return Integer.highestOneBit(2 * value - 1);
    }
}
