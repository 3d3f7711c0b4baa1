package org.djlflash.zoo.decoder;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.AbstractBlock;
import ai.djl.nn.Parameter;
import ai.djl.nn.core.Linear;
import ai.djl.training.ParameterStore;
import org.djlflash.AttentionLayout;
import org.djlflash.AttentionOptions;
import org.djlflash.FlashAttention;
import org.djlflash.step.Weight;
import org.djlflash.train.Precision;

/**
 * A layer of a decoder: causal self-attention, then a feed-forward part.
 *
 * <p>Input and output have shape (B, T, E).
 */
public abstract class DecoderLayer extends AbstractBlock {

    private final double scale;
    private final double attentionDropout;

    /**
     * Creates a layer without parts.
     *
     * @param scale the factor of the scores
     * @param attentionDropout the dropout of the attention probabilities, while training
     */
    protected DecoderLayer(double scale, double attentionDropout) {
        this.scale = scale;
        this.attentionDropout = attentionDropout;
    }

    /**
     * Returns the factor of the scores.
     *
     * @return the factor
     */
    public double scale() {
        return scale;
    }

    /**
     * Attends every token to those up to itself.
     *
     * @param query shape (B, T, N, H)
     * @param key shape (B, T, key and value heads, H)
     * @param value shaped as the keys
     * @param cache where keys and values are kept, or null; what it holds comes before the input
     * @param training whether there is dropout
     * @return shaped as the queries
     */
    protected NDArray attend(
            NDArray query, NDArray key, NDArray value, LayerCache cache, boolean training) {
        AttentionOptions.Builder options =
                AttentionOptions.builder().optLayout(AttentionLayout.BTNH).optScale(scale);
        if (cache != null) {
            return cache.attend(query, key, value, options);
        }
        if (training) {
            options.optDropout((float) attentionDropout);
        }
        return FlashAttention.attend(query, key, value, options.optCausal(true).build());
    }

    /**
     * Returns the weight of a linear part.
     *
     * @param linear the part, initialised
     * @return its parameters
     */
    protected static Weight weight(Linear linear) {
        Parameter bias = linear.getDirectParameters().get("bias");
        return new Weight(
                linear.getDirectParameters().get("weight").getArray(),
                bias == null ? null : bias.getArray());
    }

    /**
     * Runs a linear layer, in mixed precision in 16 bits.
     *
     * @param linear the layer
     * @param ps the parameter store
     * @param input the array
     * @param training whether the pass is for training
     * @return the result
     */
    protected static NDArray project(
            Linear linear, ParameterStore ps, NDArray input, boolean training) {
        return Precision.linear(linear, ps, input, training);
    }

    @Override
    public Shape[] getOutputShapes(Shape[] inputShapes) {
        return inputShapes;
    }
}
