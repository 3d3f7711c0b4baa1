package org.djlflash.zoo;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.nn.Block;
import ai.djl.nn.core.Linear;
import ai.djl.nn.norm.Dropout;
import ai.djl.nn.norm.LayerNorm;
import ai.djl.training.ParameterStore;

/** The parts that the layers of all models are made of. */
public final class Layers {

    private Layers() {}

    /**
     * Creates a linear layer with a bias.
     *
     * @param units the number of its outputs
     * @return the layer
     */
    public static Linear linear(int units) {
        return Linear.builder().setUnits(units).build();
    }

    /**
     * Creates a normalisation of vectors, the last axis of three.
     *
     * @param epsilon what is added to the variance
     * @return the layer
     */
    public static LayerNorm norm(double epsilon) {
        return LayerNorm.builder().axis(2).optEpsilon((float) epsilon).build();
    }

    /**
     * Runs a part that takes one array and gives one.
     *
     * @param block the part
     * @param ps the parameter store
     * @param input the array
     * @param training whether the pass is for training
     * @return the result
     */
    public static NDArray call(Block block, ParameterStore ps, NDArray input, boolean training) {
        return block.forward(ps, new NDList(input), training).singletonOrThrow();
    }

    /**
     * Drops elements out, while training.
     *
     * @param input the array
     * @param rate the share of them
     * @param training whether the pass is for training
     * @return the result, or the array itself
     */
    public static NDArray dropout(NDArray input, double rate, boolean training) {
        return training && rate > 0
                ? Dropout.dropout(input, (float) rate, true).singletonOrThrow()
                : input;
    }
}
