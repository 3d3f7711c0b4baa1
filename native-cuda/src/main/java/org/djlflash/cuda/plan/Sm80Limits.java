package org.djlflash.cuda.plan;

import java.util.ArrayList;
import java.util.List;

/**
 * Every rule of the sm80 kernels, each with its sentence. All broken rules are named, in the order
 * device, layout, shape, combination. Stateless.
 */
final class Sm80Limits {

    private static final int FIRST_CAPABILITY = 8;
    private static final int HEAD_STEP = 8;
    private static final int LARGEST_HEAD = 256;
    private static final int LARGEST_HEAD_BACKWARD = 128;
    private static final int LARGEST_HEAD_FP32 = 128;

    private Sm80Limits() {}

    static List<String> brokenBy(AttentionProblem problem, DeviceInfo device) {
        List<String> reasons = new ArrayList<>();
        checkDevice(device, reasons);
        checkLayouts(problem, reasons);
        checkShape(problem, reasons);
        checkNumbers(problem, reasons);
        checkCombination(problem, reasons);
        return List.copyOf(reasons);
    }

    private static void checkDevice(DeviceInfo device, List<String> reasons) {
        if (device.major() < FIRST_CAPABILITY) {
            reasons.add(
                    "%s has compute capability %d.%d; 8.0 or newer is needed."
                            .formatted(device.name(), device.major(), device.minor()));
        }
    }

    private static void checkLayouts(AttentionProblem problem, List<String> reasons) {
        AttentionShape shape = problem.shape();
        AttentionProblem.Layouts layouts = problem.layouts();
        long[] query = {shape.batch(), shape.queryHeads(), shape.queries()};
        long[] key = problem.keySizes();
        checkLayout("query", problem.element(), layouts.query(), query, reasons);
        checkLayout("key", problem.element(), layouts.key(), key, reasons);
        checkLayout("value", problem.element(), layouts.value(), key, reasons);
        checkLayout("output", problem.element(), layouts.output(), query, reasons);
        if (layouts.output().repeatsRows(query)) {
            reasons.add(
                    "The output has strides "
                            + layouts.output()
                            + "; a stride of 0 would write rows over each other.");
        }
    }

    private static void checkLayout(
            String name,
            ElementType element,
            TensorLayout layout,
            long[] sizes,
            List<String> reasons) {
        if (!layout.hasAlignedRows(element, sizes)) {
            reasons.add(
                    ("The %s has strides %s; its rows must be contiguous and start at multiples of"
                                    + " %d bytes.")
                            .formatted(name, layout, TensorLayout.ALIGNMENT));
        }
    }

    private static void checkShape(AttentionProblem problem, List<String> reasons) {
        AttentionShape shape = problem.shape();
        int[] sizes = {
            shape.batch(), shape.queryHeads(), shape.keyHeads(), shape.queries(), shape.keys()
        };
        for (int size : sizes) {
            if (size < 1) {
                reasons.add("The shape " + shape + " is empty; there is nothing to launch.");
                break;
            }
        }
        if (shape.keyHeads() > 0 && shape.queryHeads() % shape.keyHeads() != 0) {
            reasons.add(
                    "%d query heads cannot share %d key heads evenly."
                            .formatted(shape.queryHeads(), shape.keyHeads()));
        }
        int head = shape.headSize();
        if (head < HEAD_STEP || head > LARGEST_HEAD || head % HEAD_STEP != 0) {
            reasons.add(
                    "The head size is %d; multiples of %d up to %d are possible."
                            .formatted(head, HEAD_STEP, LARGEST_HEAD));
        }
    }

    private static void checkNumbers(AttentionProblem problem, List<String> reasons) {
        double scale = problem.scale();
        if (!(scale > 0 && scale <= Float.MAX_VALUE && (float) scale > 0)) {
            reasons.add("The scale is " + scale + "; a positive finite number is needed.");
        }
        if (!(problem.dropout() >= 0 && problem.dropout() < 1)) {
            reasons.add("The dropout is " + problem.dropout() + "; 0 up to but not 1 is possible.");
        }
    }

    private static void checkCombination(AttentionProblem problem, List<String> reasons) {
        boolean gradient = problem.gradient() != GradientNeed.NONE;
        if (gradient && problem.shape().headSize() > LARGEST_HEAD_BACKWARD) {
            reasons.add(
                    "The head size is %d; gradients are possible up to %d."
                            .formatted(problem.shape().headSize(), LARGEST_HEAD_BACKWARD));
        }
        if (!gradient && isFp32(problem) && problem.shape().headSize() > LARGEST_HEAD_FP32) {
            reasons.add(
                    "The head size is %d; in FLOAT32 up to %d is possible."
                            .formatted(problem.shape().headSize(), LARGEST_HEAD_FP32));
        }
        if (problem.gradient() == GradientNeed.INPUTS_AND_BIAS) {
            reasons.add("The kernels do not give the gradient of a dense bias.");
        }
        if (problem.causal() == CausalAlignment.ROW_LENGTH && !problem.keyLengths()) {
            reasons.add("A causal mask aligned to the key lengths needs key lengths.");
        }
        if (problem.decode()) {
            checkDecode(problem, gradient, reasons);
            checkCache(problem, reasons);
        } else if (!problem.cache().equals(CacheLayout.CONTIGUOUS) || problem.splits() != 0) {
            reasons.add("Pages, first keys and splits belong to decoding.");
        }
    }

    private static boolean isFp32(AttentionProblem problem) {
        return problem.element() == ElementType.FP32;
    }

    private static void checkDecode(
            AttentionProblem problem, boolean gradient, List<String> reasons) {
        if (isFp32(problem)) {
            reasons.add("Decoding takes FLOAT16 and BFLOAT16.");
        }
        if (gradient) {
            reasons.add("Decoding gives no gradients.");
        }
        if (problem.bias() != BiasKind.NONE) {
            reasons.add("Decoding takes no dense bias.");
        }
        if (problem.dropout() != 0) {
            reasons.add("Decoding takes no dropout.");
        }
    }

    private static void checkCache(AttentionProblem problem, List<String> reasons) {
        CacheLayout cache = problem.cache();
        int keys = cache.pageKeys();
        boolean isSize =
                keys >= CacheLayout.SMALLEST_PAGE
                        && keys <= CacheLayout.LARGEST_PAGE
                        && Integer.bitCount(keys) == 1;
        if (keys != 0 && (!isSize || cache.pages() < 1)) {
            reasons.add(
                    "There are %d pages of %d keys; at least one, of a power of two from %d to %d, is possible."
                            .formatted(
                                    cache.pages(),
                                    keys,
                                    CacheLayout.SMALLEST_PAGE,
                                    CacheLayout.LARGEST_PAGE));
        }
        if (problem.splits() < 0 || problem.splits() > SplitHeuristic.MAXIMUM) {
            reasons.add(
                    "There are %d splits; 1 to %d are possible, or 0 for what suits the GPU."
                            .formatted(problem.splits(), SplitHeuristic.MAXIMUM));
        }
    }
}
