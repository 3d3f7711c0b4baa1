package org.djlflash.cuda.plan;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The plans used last on one GPU: making one takes longer than launching it. Bounded, as decoding
 * asks for a new length at every step. Thread-safe.
 */
public final class PlanCache {

    private static final int CAPACITY = 1024;

    private final DeviceInfo device;
    private final Map<AttentionProblem, AttentionPlan> plans =
            Collections.synchronizedMap(new LeastRecentlyUsed());

    private static final class LeastRecentlyUsed
            extends LinkedHashMap<AttentionProblem, AttentionPlan> {

        private static final long serialVersionUID = 1L;

        LeastRecentlyUsed() {
            super(16, 0.75f, true);
        }

        @Override
        protected boolean removeEldestEntry(Map.Entry<AttentionProblem, AttentionPlan> eldest) {
            return size() > CAPACITY;
        }
    }

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
        AttentionPlan plan = plans.get(problem);
        if (plan == null) {
            plan = AttentionPlanner.plan(problem, device);
            plans.put(problem, plan);
        }
        return plan;
    }
}
