package org.djlflash.zoo.decoder;

import ai.djl.ndarray.NDArray;
import java.util.List;
import org.djlflash.cuda.plan.Epilogue;
import org.djlflash.step.Norm;
import org.djlflash.step.Weight;

/**
 * What a model computes for one token of every row, as its weights. Arrays are the model's, but for
 * the angles.
 *
 * @param tokens the vectors of the tokens, shape (V, E)
 * @param positions the vectors of the positions, shape (S, E), or null
 * @param cosine of the angles that queries and keys are turned by, shape (at least capacity, H /
 *     2), or null
 * @param sine of the angles, shaped alike
 * @param layers the layers
 * @param outputNorm the last normalisation
 * @param head the weight of the output layer, shape (V, E)
 */
public record StepModel(
        NDArray tokens,
        NDArray positions,
        NDArray cosine,
        NDArray sine,
        List<Layer> layers,
        Norm outputNorm,
        NDArray head) {

    /**
     * A layer: each of its two parts is normalised before and added to what came in.
     *
     * @param attentionNorm before attention
     * @param queryKeyValue one weight or three, side by side
     * @param scale the factor of the attention scores
     * @param attentionOutput after attention
     * @param innerNorm before the feed-forward part
     * @param innerInput one weight, or the gate's and the other
     * @param activation what follows it
     * @param innerOutput the feed-forward part's second layer
     */
    public record Layer(
            Norm attentionNorm,
            List<Weight> queryKeyValue,
            double scale,
            Weight attentionOutput,
            Norm innerNorm,
            List<Weight> innerInput,
            Epilogue activation,
            Weight innerOutput) {}
}
