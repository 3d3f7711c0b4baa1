package org.djlflash.cuda.plan;

import java.util.ArrayList;
import java.util.List;
import org.djlflash.cuda.config.CudaSetting;

/**
 * Plans for the kernels of compute capability 9.0, which copy whole tiles asynchronously and
 * multiply by warp groups. They take less than the portable kernels do and are faster. Stateless
 * and thread-safe.
 */
final class Sm90Planner {

    private static final String ARCHITECTURE = "sm_90a";
    private static final int WARP = 32;
    private static final int WARP_GROUP = 128;

    /** Heads that are padded to more than they are gain nothing. */
    private static final int SMALL_HEAD = 32;

    /** Up to so many keys a tile that is a third empty costs more than the portable kernel. */
    private static final int FEW_KEYS = 256;

    /** The rows of other heads do not consist of whole panels. */
    private static final List<Integer> DECODE_HEADS = List.of(64, 96, 128, 256);

    /** Above it TMA cannot step from row to row. */
    private static final long STRIDE_LIMIT = (1L << 40) / ElementType.HALF_BYTES;

    private Sm90Planner() {}

    /**
     * Says why the forward kernel cannot take a problem that the portable one can.
     *
     * @param problem a problem that {@link Sm80Planner} can plan
     * @param device the GPU
     * @return all reasons as sentences, empty when it can
     */
    static List<String> forwardReasons(AttentionProblem problem, DeviceInfo device) {
        List<String> reasons = reasons(problem, device);
        AttentionShape shape = problem.shape();
        long[] sizes = {shape.batch(), shape.queryHeads(), shape.queries()};
        checkStrides("output", problem.layouts().output(), sizes, reasons);
        int tile = Sm90Tile.of(TileTable.headDim(shape.headSize())).queries();
        if (3 * shape.queries() <= 2L * tile && shape.keys() <= FEW_KEYS) {
            reasons.add(
                    "%d queries leave a third of a tile of %d empty, which pays from %d keys on."
                            .formatted(shape.queries(), tile, FEW_KEYS + 1));
        }
        return reasons;
    }

    /**
     * Says why the backward kernels cannot take a problem that the portable ones can, or why there
     * is no backward pass.
     *
     * @param problem a problem that {@link Sm80Planner} can plan
     * @param device the GPU
     * @return all reasons as sentences, empty when they can
     */
    static List<String> backwardReasons(AttentionProblem problem, DeviceInfo device) {
        List<String> reasons = reasons(problem, device);
        if (problem.gradient() == GradientNeed.NONE) {
            reasons.add("No gradients are needed.");
        }
        return reasons;
    }

    /**
     * Says why the decode kernel cannot take a problem that the portable ones can.
     *
     * @param problem a decode step that {@link Sm80Planner} can plan
     * @param device the GPU
     * @return all reasons as sentences, empty when it can
     */
    static List<String> decodeReasons(AttentionProblem problem, DeviceInfo device) {
        List<String> reasons = deviceReasons(device);
        if (!CudaSetting.HOPPER_DECODE.isOn()) {
            reasons.add(
                    "The setting %s has to ask for the decode kernel of 9.0."
                            .formatted(CudaSetting.HOPPER_DECODE.property()));
        }
        int head = problem.shape().headSize();
        if (!DECODE_HEADS.contains(head)) {
            reasons.add(
                    "The head size is %d; the decode kernel of 9.0 takes %s, the portable one the others."
                            .formatted(head, DECODE_HEADS));
            return reasons;
        }
        checkStrides("key", problem.layouts().key(), problem.keySizes(), reasons);
        checkStrides("value", problem.layouts().value(), problem.keySizes(), reasons);
        if (!Sm90Decode.isCountable(problem)) {
            reasons.add(
                    "The tiles of all rows of %s exceed 32 bits; the portable kernel counts those of one."
                            .formatted(problem.shape()));
        }
        return reasons;
    }

    private static List<String> deviceReasons(DeviceInfo device) {
        List<String> reasons = new ArrayList<>();
        if (device.major() != 9 || device.minor() != 0) {
            reasons.add(
                    "%s has compute capability %d.%d; the kernels of 9.0 run on that alone."
                            .formatted(device.name(), device.major(), device.minor()));
        }
        if (!CudaSetting.SPECIALIZED.isOn()) {
            reasons.add(
                    "The setting %s keeps to the portable kernels."
                            .formatted(CudaSetting.SPECIALIZED.property()));
        }
        return reasons;
    }

    /** What holds for both passes. */
    private static List<String> reasons(AttentionProblem problem, DeviceInfo device) {
        List<String> reasons = deviceReasons(device);
        if (problem.element() == ElementType.FP32) {
            reasons.add("FLOAT32 is multiplied in two parts by the portable kernels alone.");
        }
        if (problem.bias() != BiasKind.NONE) {
            reasons.add("A dense bias is added by the portable kernel alone.");
        }
        if (problem.dropout() > 0) {
            reasons.add("Dropout is applied by the portable kernel alone.");
        }
        AttentionShape shape = problem.shape();
        if (shape.headSize() <= SMALL_HEAD) {
            reasons.add(
                    "The head size is %d; up to %d the portable kernel is used."
                            .formatted(shape.headSize(), SMALL_HEAD));
        }
        AttentionProblem.Layouts layouts = problem.layouts();
        long[] query = {shape.batch(), shape.queryHeads(), shape.queries()};
        long[] key = {shape.batch(), shape.keyHeads(), shape.keys()};
        checkStrides("query", layouts.query(), query, reasons);
        checkStrides("key", layouts.key(), key, reasons);
        checkStrides("value", layouts.value(), key, reasons);
        return reasons;
    }

    private static void checkStrides(
            String name, TensorLayout layout, long[] sizes, List<String> reasons) {
        if (!layout.hasStridesBetween(1, STRIDE_LIMIT, sizes)) {
            reasons.add(
                    "The %s has strides %s; asynchronous copies need positive ones below %d."
                            .formatted(name, layout, STRIDE_LIMIT));
        }
    }

    /**
     * Puts the forward kernel in the place of the portable one.
     *
     * @param portable the plan of a problem without reasons against it
     * @return the plan; the tensor maps of its launch are those of query, key, value and output
     */
    static AttentionPlan withForward(AttentionPlan portable) {
        AttentionProblem problem = portable.problem();
        AttentionShape shape = problem.shape();
        int headDim = TileTable.headDim(shape.headSize());
        Sm90Tile tile = Sm90Tile.of(headDim);
        long rows = tile.queries();
        long jobs = (shape.queries() + rows - 1) / rows * shape.queryHeads() * shape.batch();
        int multiprocessors = portable.device().multiprocessors();
        // Blocks claim jobs where these differ in length and a block has more than one.
        boolean claims = problem.causal() != CausalAlignment.NONE && jobs > multiprocessors;
        return portable.withForward(
                new KernelStep(
                        new KernelVariant(
                                "forward_sm90", defines(problem, headDim, tile), ARCHITECTURE),
                        Math.min(jobs, multiprocessors),
                        WARP_GROUP * (tile.groups() + 1),
                        tile.sharedBytes(headDim),
                        boxes(headDim, tile),
                        false),
                claims ? Workspace.of(Integer.BYTES) : Workspace.NONE);
    }

    /**
     * Puts the decode kernel in the place of the portable ones.
     *
     * @param portable the plan of a problem without reasons against it
     * @return the plan; the tensor maps of its launch are those of key and value
     */
    static AttentionPlan withDecode(AttentionPlan portable) {
        AttentionProblem problem = portable.problem();
        Sm90Decode decode = Sm90Decode.of(problem, portable.device());
        TensorBox box = decode.box(problem.cache());
        return portable.withDecode(
                new KernelStep(
                        new KernelVariant(
                                "decode_sm90", decode.defines(problem.element()), ARCHITECTURE),
                        decode.ranges() * decode.cluster(),
                        WARP * (Sm90Decode.WARPS + 1),
                        decode.sharedBytes(),
                        List.of(box, box),
                        true),
                decode.workspace());
    }

    /**
     * Puts the backward kernels in the place of the portable ones.
     *
     * @param plan the plan of a problem without reasons against them
     * @return the plan; the tensor maps of its second launch are those of query, gradient of the
     *     output, key and value, and the fourth part of its workspace is a counter
     */
    static AttentionPlan withBackward(AttentionPlan plan) {
        Sm90Backward backward = new Sm90Backward(plan.problem(), ARCHITECTURE);
        return plan.withBackward(
                backward.steps(plan.device().multiprocessors()), backward.workspace());
    }

    private static List<String> defines(AttentionProblem problem, int headDim, Sm90Tile tile) {
        return List.of(
                "HEAD_DIM=" + headDim,
                "ELEMENT=" + problem.element().define(),
                "BLOCK_N=" + tile.blockN(),
                "WARPGROUPS=" + tile.groups(),
                "QUERY_STAGES=" + tile.queryStages(),
                "KEY_STAGES=" + tile.keyStages());
    }

    private static List<TensorBox> boxes(int headDim, Sm90Tile tile) {
        int columns = headDim % 64 == 0 ? 64 : 32;
        TensorBox queries = new TensorBox(Sm90Tile.GROUP_QUERIES, columns);
        TensorBox keys = new TensorBox(tile.blockN(), columns);
        return List.of(queries, keys, keys, queries);
    }
}
