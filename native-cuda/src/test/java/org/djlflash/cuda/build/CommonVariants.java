package org.djlflash.cuda.build;

import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.djlflash.cuda.config.CudaSetting;
import org.djlflash.cuda.plan.AttentionPlan;
import org.djlflash.cuda.plan.AttentionPlanner;
import org.djlflash.cuda.plan.AttentionProblem;
import org.djlflash.cuda.plan.AttentionShape;
import org.djlflash.cuda.plan.CausalAlignment;
import org.djlflash.cuda.plan.DeviceInfo;
import org.djlflash.cuda.plan.ElementType;
import org.djlflash.cuda.plan.Epilogue;
import org.djlflash.cuda.plan.GradientNeed;
import org.djlflash.cuda.plan.KernelStep;
import org.djlflash.cuda.plan.KernelVariant;
import org.djlflash.cuda.plan.ReadPlanner;
import org.djlflash.cuda.plan.Sm80Planner;
import org.djlflash.cuda.plan.StepPlanner;
import org.djlflash.cuda.plan.UpdatePlanner;

/**
 * The kernels worth shipping: those of BERT, GPT-2 and Llama, in training and generation, on the
 * GPUs in use, and those that update parameters. Found by planning such problems, so that they are
 * the very ones asked for later.
 */
final class CommonVariants {

    private static final List<DeviceInfo> DEVICES =
            List.of(
                    new DeviceInfo(0, "A100", 8, 0, 108, 163 * 1024),
                    new DeviceInfo(0, "A10", 8, 6, 72, 99 * 1024),
                    new DeviceInfo(0, "L4", 8, 9, 58, 99 * 1024),
                    new DeviceInfo(0, "H100", 9, 0, 132, 227 * 1024));

    /** The size of the models whose training uses dropout; the larger one is that of Llama. */
    private static final int SMALL_HEAD = 64;

    private static final int LARGE_HEAD = 128;

    /** The approximated GELU is that of GPT-2. */
    private static final List<Epilogue> EPILOGUES =
            List.of(Epilogue.NONE, Epilogue.ADD, Epilogue.GELU_TANH, Epilogue.GATED);

    private CommonVariants() {}

    static Set<KernelVariant> list() {
        String property = CudaSetting.HOPPER_DECODE.property();
        System.setProperty(property, "true"); // Kernels that have to be asked for are shipped, too.
        try {
            return listAll();
        } finally {
            System.clearProperty(property);
        }
    }

    private static Set<KernelVariant> listAll() {
        Set<KernelVariant> variants = new LinkedHashSet<>();
        for (DeviceInfo device : DEVICES) {
            variants.add(ReadPlanner.read(device).variant());
            variants.add(UpdatePlanner.gradientSquares(1, device).variant());
            variants.add(UpdatePlanner.clipFactor(device).variant());
            variants.add(UpdatePlanner.adamW(1, device).variant());
            for (ElementType half : List.of(ElementType.FP16, ElementType.BF16)) {
                variants.add(UpdatePlanner.lower(1, half, device).variant());
                variants.add(UpdatePlanner.collect(1, half, device).variant());
            }
            for (ElementType element : ElementType.values()) {
                for (AttentionProblem problem : problems(element)) {
                    if (!AttentionPlanner.unsupportedReasons(problem, device).isEmpty()) {
                        continue;
                    }
                    add(AttentionPlanner.plan(problem, device), variants);
                    // What the kernels of a GPU do not take, its portable ones do.
                    add(Sm80Planner.plan(problem, device), variants);
                    variants.add(Sm80Planner.dropoutMask(problem, device).variant());
                }
            }
            steps(device).map(KernelStep::variant).forEach(variants::add);
        }
        return variants;
    }

    /** Of a token of few rows, more and many. */
    private static Stream<KernelStep> steps(DeviceInfo device) {
        ElementType element = ElementType.FP16;
        Stream<KernelStep> plain =
                Stream.of(
                        StepPlanner.embed(1, element, device),
                        StepPlanner.norm(1, false, element, device),
                        StepPlanner.norm(1, true, element, device),
                        StepPlanner.append(1, 1, element, device),
                        StepPlanner.sample(1, element, device));
        Stream<KernelStep> linear =
                Stream.of(1, 16, 32)
                        .flatMap(
                                rows ->
                                        EPILOGUES.stream()
                                                .map(
                                                        epilogue ->
                                                                StepPlanner.linear(
                                                                        rows,
                                                                        List.of(64, 64),
                                                                        epilogue,
                                                                        element,
                                                                        device)));
        return Stream.concat(plain, linear);
    }

    private static void add(AttentionPlan plan, Set<KernelVariant> variants) {
        plan.forward().stream().map(KernelStep::variant).forEach(variants::add);
        plan.backward().stream().map(KernelStep::variant).forEach(variants::add);
    }

    private static List<AttentionProblem> problems(ElementType element) {
        List<AttentionProblem> problems = new ArrayList<>();
        for (int head : new int[] {SMALL_HEAD, LARGE_HEAD}) {
            AttentionShape training = new AttentionShape(8, 16, 16, 1024, 1024, head);
            AttentionShape step = new AttentionShape(1, 16, 16, 1, 65536, head);
            AttentionProblem plain = AttentionProblem.of(element, training);
            problems.add(plain.withGradient(GradientNeed.INPUTS));
            problems.add(plain.withCausal(CausalAlignment.BOTTOM_RIGHT));
            AttentionShape steps = new AttentionShape(16, 16, 16, 1, 4096, head);
            problems.add(AttentionProblem.of(element, step).withDecode(true));
            problems.add(AttentionProblem.of(element, steps).withDecode(true));
            if (head == SMALL_HEAD) {
                problems.add(plain.withGradient(GradientNeed.INPUTS).withDropout(0.1));
            }
        }
        return problems;
    }
}
