package org.djlflash.nn;

import ai.djl.MalformedModelException;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Block;
import ai.djl.nn.Parameter;
import ai.djl.nn.core.Linear;
import ai.djl.nn.norm.BatchNorm;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/**
 * What a block was before loading, to be put back if that fails: parameters, and the sizes that
 * blocks take over from a file and would initialize or save with.
 */
final class LoadRollback {

    private static final byte LINEAR_WITH_UNITS = 4;
    private static final byte NORM_WITHOUT_INPUT_SHAPES = 1;
    private static final Shape ONE_FEATURE = new Shape(1);

    private final List<Runnable> steps = new ArrayList<>();

    LoadRollback(Block block) {
        block.getParameters().values().forEach(parameter -> steps.add(of(parameter)));
        addSizes(block);
    }

    void run() {
        steps.forEach(Runnable::run);
    }

    private void addSizes(Block block) {
        if (block instanceof Float32Block) {
            steps.add(((Float32Block) block).inputRollback());
        } else if (block instanceof Linear) {
            steps.add(of((Linear) block));
        } else if (block instanceof BatchNorm) {
            steps.add(of((BatchNorm) block));
        }
        block.getChildren().values().forEach(this::addSizes);
    }

    private static Runnable of(Parameter parameter) {
        NDArray array = arrayOf(parameter);
        Shape shape = parameter.getShape();
        return () -> {
            if (arrayOf(parameter) == array) {
                return;
            }
            parameter.close();
            // A parameter takes an array only while it has no shape.
            parameter.setShape(array == null ? shape : null);
            if (array != null) {
                parameter.setArray(array);
            }
        };
    }

    private static NDArray arrayOf(Parameter parameter) {
        return parameter.isInitialized() ? parameter.getArray() : null;
    }

    private static Runnable of(Linear linear) {
        long units = linear.getOutputShapes(new Shape[] {ONE_FEATURE})[0].get(0);
        long features = size(linear, "weight", 1);
        Shape input = linear.describeInput().valueAt(0);
        return () ->
                reload(
                        out -> {
                            out.writeLong(units);
                            out.writeLong(features);
                            out.write((input == null ? new Shape() : input).getEncoded());
                        },
                        in -> linear.loadMetadata(LINEAR_WITH_UNITS, in));
    }

    private static Runnable of(BatchNorm norm) {
        long channels = size(norm, "gamma", 0);
        return () ->
                reload(
                        out -> out.writeLong(channels),
                        in -> norm.loadMetadata(NORM_WITHOUT_INPUT_SHAPES, in));
    }

    /** Returns a size that a block has of its parameters, 0 before it is initialized. */
    private static long size(Block block, String parameter, int dimension) {
        Shape shape = block.getDirectParameters().get(parameter).getShape();
        return shape == null ? 0 : shape.get(dimension);
    }

    /** DJL's blocks have no setters of sizes, but read them. */
    private static void reload(Writer writer, Reader reader) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try {
            writer.write(new DataOutputStream(bytes));
            reader.read(new DataInputStream(new ByteArrayInputStream(bytes.toByteArray())));
        } catch (IOException | MalformedModelException e) {
            throw new IllegalStateException(e);
        }
    }

    private interface Writer {
        void write(DataOutputStream out) throws IOException;
    }

    private interface Reader {
        void read(DataInputStream in) throws IOException, MalformedModelException;
    }
}
