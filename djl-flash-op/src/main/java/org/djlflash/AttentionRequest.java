package org.djlflash;

import ai.djl.Device;
import ai.djl.ndarray.types.DataType;
import java.util.ArrayList;
import java.util.Collections;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;

/**
 * What a call asks for, without its data: enough to choose a backend, and printed on one line.
 *
 * @param batch the batch size B
 * @param queryHeads the number of query heads N
 * @param keyHeads the number of key and value heads, a divisor of N
 * @param queries the number of queries T of a row
 * @param keys the number of keys F of a row
 * @param headSize the head size H
 * @param dataType the arrays' type
 * @param computeType the type to compute in
 * @param device the arrays' device
 * @param gradient whether gradients will be asked for
 * @param scale the factor of the scores
 * @param causal the alignment of the causal mask
 * @param keyLengths whether rows have lengths of their own
 * @param mask whether there is a dense mask
 * @param bias whether there is a dense bias
 * @param dropout the dropout rate
 * @param deterministic whether bitwise equal results are demanded
 * @param splits into how many parts our kernels cut the keys of a row of few queries; 0 for what
 *     suits the GPU
 */
public record AttentionRequest(
        long batch,
        long queryHeads,
        long keyHeads,
        long queries,
        long keys,
        long headSize,
        DataType dataType,
        DataType computeType,
        Device device,
        boolean gradient,
        double scale,
        CausalAlignment causal,
        boolean keyLengths,
        boolean mask,
        boolean bias,
        float dropout,
        boolean deterministic,
        int splits) {

    /** The types that arrays may have; DJL has no name for those of BFLOAT16. */
    static final Set<DataType> ARRAY_TYPES =
            Collections.unmodifiableSet(
                    EnumSet.of(
                            DataType.FLOAT16,
                            DataType.BFLOAT16,
                            DataType.FLOAT32,
                            DataType.FLOAT64));

    /** The types that can be computed in. */
    static final Set<DataType> COMPUTE_TYPES =
            Collections.unmodifiableSet(
                    EnumSet.of(
                            DataType.FLOAT16,
                            DataType.BFLOAT16,
                            DataType.FLOAT32,
                            DataType.FLOAT64));

    @Override
    public String toString() {
        List<String> words = new ArrayList<>();
        words.add("B=" + batch);
        words.add("N=" + queryHeads + (keyHeads == queryHeads ? "" : "/" + keyHeads));
        words.add("T=" + queries);
        words.add("F=" + keys);
        words.add("H=" + headSize);
        words.add(
                dataType == computeType
                        ? dataType.toString()
                        : dataType + " computed in " + computeType);
        words.add("on " + (device.isGpu() ? "gpu" + device.getDeviceId() : "cpu"));
        if (scale != 1 / Math.sqrt(headSize)) {
            words.add("scale " + scale);
        }
        if (causal != CausalAlignment.NONE) {
            words.add("causal " + causal);
        }
        if (keyLengths) {
            words.add("key lengths");
        }
        if (mask) {
            words.add("mask");
        }
        if (bias) {
            words.add("bias");
        }
        if (dropout > 0) {
            words.add("dropout " + dropout);
        }
        if (deterministic) {
            words.add("deterministic");
        }
        if (splits > 0) {
            words.add("splits " + splits);
        }
        words.add(gradient ? "with gradients" : "without gradients");
        return String.join(" ", words);
    }
}
