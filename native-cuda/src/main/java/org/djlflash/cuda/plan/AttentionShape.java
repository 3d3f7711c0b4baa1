package org.djlflash.cuda.plan;

/**
 * The sizes of an attention problem. Immutable.
 *
 * @param batch B, the sequences
 * @param queryHeads the heads of query and output
 * @param keyHeads the heads of key and value; query head h uses key head h / (queryHeads /
 *     keyHeads)
 * @param queries T, the queries of a sequence
 * @param keys F, the keys of a sequence
 * @param headSize the elements of a head
 */
public record AttentionShape(
        int batch, int queryHeads, int keyHeads, int queries, int keys, int headSize) {

    /**
     * Returns the number of rows of the output over all sequences and heads.
     *
     * @return B x query heads x T
     * @throws ArithmeticException if it does not fit
     */
    public long rows() {
        return Math.multiplyExact(Math.multiplyExact((long) batch, queryHeads), queries);
    }

    @Override
    public String toString() {
        return "B=%d Hq=%d Hkv=%d T=%d F=%d D=%d"
                .formatted(batch, queryHeads, keyHeads, queries, keys, headSize);
    }
}
