package org.djlflash.cuda.plan;

import java.util.List;

/**
 * Chooses the kernels of a problem: those made for the GPU where they take it, else the portable
 * ones. Stateless and thread-safe.
 */
public final class AttentionPlanner {

    private AttentionPlanner() {}

    /**
     * Says why a problem cannot be solved by our kernels.
     *
     * @param problem the problem
     * @param device the GPU
     * @return all reasons as sentences, empty when the problem can be planned
     */
    public static List<String> unsupportedReasons(AttentionProblem problem, DeviceInfo device) {
        return Sm80Planner.unsupportedReasons(problem, device);
    }

    /**
     * Says why a problem is left to the portable kernels.
     *
     * @param problem a problem that can be planned
     * @param device the GPU
     * @return all reasons as sentences, empty when kernels made for the GPU take all of it
     */
    public static List<String> portableReasons(AttentionProblem problem, DeviceInfo device) {
        if (problem.decode()) {
            return Sm90Planner.decodeReasons(problem, device);
        }
        // Nothing speaks against the backward kernels that does not speak against the forward one.
        return Sm90Planner.forwardReasons(problem, device);
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
        AttentionPlan plan = Sm80Planner.plan(problem, device);
        if (problem.decode()) {
            return Sm90Planner.decodeReasons(problem, device).isEmpty()
                    ? Sm90Planner.withDecode(plan)
                    : plan;
        }
        if (Sm90Planner.forwardReasons(problem, device).isEmpty()) {
            plan = Sm90Planner.withForward(plan);
        }
        if (Sm90Planner.backwardReasons(problem, device).isEmpty()) {
            plan = Sm90Planner.withBackward(plan);
        }
        return plan;
    }
}
