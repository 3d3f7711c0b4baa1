package org.djlflash.cuda.plan;

import java.util.List;
import java.util.function.Consumer;

/**
 * The plans used last on one GPU: making one takes longer than launching it. Bounded, as decoding
 * asks for a new length at every step. Thread-safe.
 */
public final class PlanCache {

    private static final int CAPACITY = 1024;

    private final DeviceInfo device;
    private final Consumer<AttentionPlan> preparation;
    private final RecentlyUsed<AttentionProblem, AttentionPlan> plans =
            new RecentlyUsed<>(CAPACITY);

    /**
     * Creates an empty cache.
     *
     * @param device the GPU
     * @param preparation done once with each new plan, such as loading its kernels; where it
     *     throws, so does what asked for the plan, and the plan is not kept
     */
    public PlanCache(DeviceInfo device, Consumer<AttentionPlan> preparation) {
        this.device = device;
        this.preparation = preparation;
    }

    /**
     * Says why a problem cannot be solved by our kernels.
     *
     * @param problem the problem
     * @return all reasons as sentences, empty when the problem can be planned
     */
    public List<String> unsupportedReasons(AttentionProblem problem) {
        if (plans.get(problem) != null) {
            return List.of();
        }
        List<String> reasons = AttentionPlanner.unsupportedReasons(problem, device);
        if (reasons.isEmpty()) {
            plan(problem);
        }
        return reasons;
    }

    /**
     * Plans a problem.
     *
     * @param problem the problem
     * @return the plan
     * @throws IllegalArgumentException if the problem is unsupported; the message holds all reasons
     */
    public AttentionPlan plan(AttentionProblem problem) {
        return plans.get(problem, this::prepared);
    }

    private AttentionPlan prepared(AttentionProblem problem) {
        AttentionPlan plan = AttentionPlanner.plan(problem, device);
        preparation.accept(plan);
        return plan;
    }
}
