package org.djlflash.zoo.weights;

import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Parameter;
import java.util.Objects;

/**
 * Which tensor goes into which parameter.
 *
 * @param tensorName the name of the tensor in the checkpoint
 * @param parameter the parameter that it fills
 * @param shape the shape of the parameter
 * @param transpose whether the tensor is a matrix that the checkpoint holds transposed
 */
public record WeightBinding(
        String tensorName, Parameter parameter, Shape shape, boolean transpose) {

    /**
     * Checks a binding.
     *
     * @param tensorName the name of the tensor in the checkpoint
     * @param parameter the parameter that it fills
     * @param shape the shape of the parameter
     * @param transpose whether the tensor is a matrix that the checkpoint holds transposed
     * @throws IllegalArgumentException if a shape that is not a matrix is to be transposed, or the
     *     parameter already has another shape
     */
    public WeightBinding {
        Objects.requireNonNull(tensorName, "tensorName");
        Objects.requireNonNull(parameter, "parameter");
        Objects.requireNonNull(shape, "shape");
        if (transpose && shape.dimension() != 2) {
            throw new IllegalArgumentException(
                    "only a matrix is transposed; \"" + tensorName + "\" has shape " + shape);
        }
        if (parameter.getShape() != null && !parameter.getShape().equals(shape)) {
            throw new IllegalArgumentException(
                    String.format(
                            "parameter %s has shape %s, the binding of \"%s\" says %s",
                            parameter.getName(), parameter.getShape(), tensorName, shape));
        }
    }

    /**
     * Returns the shape that the tensor must have in the checkpoint.
     *
     * @return the shape of the parameter, transposed if the tensor is
     */
    public Shape tensorShape() {
        return transpose ? new Shape(shape.get(1), shape.get(0)) : shape;
    }
}
