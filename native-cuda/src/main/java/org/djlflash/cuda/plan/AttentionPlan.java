package org.djlflash.cuda.plan;

import java.util.List;
import java.util.stream.Collectors;

/**
 * The answer: which kernels solve a problem on a GPU, in which order, and the scratch memory they
 * need. Immutable.
 *
 * @param problem the question
 * @param device the GPU it was planned for
 * @param forward the launches that give the output: one kernel, or split and combine
 * @param backward the launches that give the gradients; empty when none are needed
 * @param splits the parts into which the keys of each row are split; 1 unless decoding, and where
 *     the GPU divides them
 * @param forwardWorkspace of the forward launches: partial outputs and log-sum-exps of splits (or
 *     partial sums, their states and tickets), or the counter by which blocks claim jobs
 * @param backwardWorkspace of the backward launches: row statistics, sums of dQ, turns, and where
 *     blocks claim tiles the counter
 */
public record AttentionPlan(
        AttentionProblem problem,
        DeviceInfo device,
        List<KernelStep> forward,
        List<KernelStep> backward,
        int splits,
        Workspace forwardWorkspace,
        Workspace backwardWorkspace) {

    /**
     * Returns the bytes of the log-sum-exp of the scores, which the backward launches need.
     *
     * @return 4 bytes for every query of every head
     */
    public long logSumExpBytes() {
        return problem.shape().rows() * Float.BYTES;
    }

    /** Returns a copy whose forward pass is another launch. */
    AttentionPlan withForward(KernelStep step, Workspace workspace) {
        return new AttentionPlan(
                problem, device, List.of(step), backward, splits, workspace, backwardWorkspace);
    }

    /** Returns a copy whose forward pass is a decode step in one launch. */
    AttentionPlan withDecode(KernelStep step, Workspace workspace) {
        return new AttentionPlan(
                problem,
                device,
                List.of(step),
                backward,
                Math.max(1, problem.splits()),
                workspace,
                backwardWorkspace);
    }

    /** Returns a copy whose backward pass is other launches. */
    AttentionPlan withBackward(List<KernelStep> steps, Workspace workspace) {
        return new AttentionPlan(
                problem, device, forward, steps, splits, forwardWorkspace, workspace);
    }

    @Override
    public String toString() {
        return "%s%s splits=%d workspace=%d+%d for %s"
                .formatted(
                        join(forward),
                        backward.isEmpty() ? "" : " then " + join(backward),
                        splits,
                        forwardWorkspace.bytes(),
                        backwardWorkspace.bytes(),
                        problem);
    }

    private static String join(List<KernelStep> steps) {
        return steps.stream().map(KernelStep::toString).collect(Collectors.joining(", "));
    }
}
