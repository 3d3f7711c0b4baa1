package org.djlflash.zoo.llama;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDArrays;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;

/**
 * The rotary position embedding, for the positions of one pass: element i of a head and element i +
 * H/2 are a pair, as Hugging Face stores them, which turns by the position times a frequency.
 *
 * @param cosine of the angles, shape (1 or B, T, 1, H/2)
 * @param sine of the angles, shaped alike
 * @see <a href="https://arxiv.org/abs/2104.09864">Su et al., RoFormer: Enhanced Transformer with
 *     Rotary Position Embedding, section 3.4.2</a>
 */
record Rotary(NDArray cosine, NDArray sine) {

    /**
     * Computes the angles, in FLOAT32 whatever the type of the heads.
     *
     * @param positions INT64, shape (1 or B, T)
     * @param frequencies the angles from one position to the next, in radians, H/2
     * @param type the type of the heads
     */
    static Rotary at(NDArray positions, float[] frequencies, DataType type) {
        NDManager manager = positions.getManager();
        Shape shape = positions.getShape().addAll(new Shape(1, 1));
        NDArray angles =
                positions
                        .toType(DataType.FLOAT32, false)
                        .reshape(shape)
                        .mul(manager.create(frequencies));
        return new Rotary(angles.cos().toType(type, false), angles.sin().toType(type, false));
    }

    /**
     * Turns heads.
     *
     * @param heads shape (B, T, heads, H)
     * @return shaped alike
     */
    NDArray apply(NDArray heads) {
        NDList halves = heads.split(2, 3);
        NDArray first = halves.get(0);
        NDArray second = halves.get(1);
        return NDArrays.concat(
                new NDList(
                        first.mul(cosine).sub(second.mul(sine)),
                        second.mul(cosine).add(first.mul(sine))),
                3);
    }
}
