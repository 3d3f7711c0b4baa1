package org.djlflash.cuda.testkit;

import org.djlflash.cuda.plan.AttentionProblem;
import org.djlflash.cuda.plan.AttentionShape;
import org.djlflash.cuda.plan.BiasKind;
import org.djlflash.cuda.plan.CausalAlignment;

/**
 * One attention to test, and how its memory is laid out. Immutable.
 *
 * @param problem the problem; its layouts are replaced by those of the memory
 * @param strided whether the tensors are views with gaps, [B, T, H, D] in memory
 * @param lengths the key lengths, null without
 * @param firstKeys the first key of each row that is not hidden, null without
 * @param seed of the random numbers
 */
public record AttentionCase(
        AttentionProblem problem, boolean strided, int[] lengths, int[] firstKeys, long seed) {

    /**
     * Creates a case whose rows begin with their first key.
     *
     * @param problem the problem; its layouts are replaced by those of the memory
     * @param strided whether the tensors are views with gaps, [B, T, H, D] in memory
     * @param lengths the key lengths, null without
     * @param seed of the random numbers
     */
    public AttentionCase(AttentionProblem problem, boolean strided, int[] lengths, long seed) {
        this(problem, strided, lengths, null, seed);
    }

    /**
     * Tells whether a query sees a key.
     *
     * @param batch the sequence
     * @param query the query
     * @param key the key
     * @return whether it does
     */
    public boolean sees(int batch, int query, int key) {
        AttentionShape shape = problem.shape();
        int length = lengths == null ? shape.keys() : lengths[batch];
        if (key >= length || firstKeys != null && key < firstKeys[batch]) {
            return false;
        }
        return switch (problem.causal()) {
            case NONE -> true;
            case TOP_LEFT -> key <= query;
            case BOTTOM_RIGHT -> key <= query + shape.keys() - shape.queries();
            case ROW_LENGTH -> key <= query + length - shape.queries();
        };
    }

    @Override
    public String toString() {
        return problem.element()
                + " "
                + problem.shape()
                + (problem.causal() == CausalAlignment.NONE ? "" : " " + problem.causal())
                + (lengths == null ? "" : " lengths")
                + (firstKeys == null ? "" : " first keys")
                + (problem.cache().isPaged() ? " pages of " + problem.cache().pageKeys() : "")
                + (problem.splits() == 0 ? "" : " splits " + problem.splits())
                + (strided ? " strided" : "")
                + (problem.bias() == BiasKind.NONE ? "" : " bias " + problem.bias())
                + (problem.dropout() == 0 ? "" : " dropout " + problem.dropout())
                + (problem.deterministic() ? " deterministic" : "");
    }
}
