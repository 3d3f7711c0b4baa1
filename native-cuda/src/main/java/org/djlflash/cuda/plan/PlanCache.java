package org.djlflash.cuda.plan;

import java.util.List;

/**
 * The plans used last on one GPU: making one takes longer than launching it. Bounded, as decoding
 * asks for a new length at every step. Thread-safe.
 */
public final class PlanCache {

    private static final int CAPACITY = 1024;

    private final DeviceInfo device;
    private final RecentlyUsed<AttentionProblem, AttentionPlan> plans =
            new RecentlyUsed<>(CAPACITY);

    /**
     * Creates an empty cache.
     *
     * @param device the GPU
     */
    public PlanCache(DeviceInfo device) {
        this.device = device;
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
        return plans.get(problem, asked -> AttentionPlanner.plan(asked, device));
    }
}
