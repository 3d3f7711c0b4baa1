package org.djlflash.zoo.weights;

import ai.djl.ndarray.types.Shape;

/**
 * What the header of a safetensors file says about one tensor.
 *
 * @param name the name
 * @param dtype the type of the elements
 * @param shape the shape, row-major; no dimensions for a scalar
 * @param begin the offset of the first byte in the data, which follows the header
 * @param end the offset after the last byte
 */
public record TensorInfo(String name, SafetensorsType dtype, Shape shape, long begin, long end) {}
