package org.djlflash.nn;

import ai.djl.MalformedModelException;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Block;
import ai.djl.nn.Parameter;
import ai.djl.nn.core.Linear;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.List;

/** What a block's parameters were before loading, to be put back if that fails. */
final class LoadRollback {

    private static final byte LINEAR_VERSION = 4;
    private static final Shape ONE_FEATURE = new Shape(1);

    private final List<ParameterState> parameters = new ArrayList<>();
    private final List<LinearState> linears = new ArrayList<>();

    LoadRollback(Block block) {
        for (Parameter parameter : block.getParameters().values()) {
            parameters.add(ParameterState.of(parameter));
        }
        addLinears(block);
    }

    private void addLinears(Block block) {
        if (block instanceof Linear) {
            linears.add(LinearState.of((Linear) block));
        }
        block.getChildren().values().forEach(this::addLinears);
    }

    void run() {
        parameters.forEach(ParameterState::restore);
        linears.forEach(LinearState::restore);
    }

    private record ParameterState(Parameter parameter, NDArray array, Shape shape) {

        static ParameterState of(Parameter parameter) {
            return new ParameterState(parameter, arrayOf(parameter), parameter.getShape());
        }

        void restore() {
            if (arrayOf(parameter) == array) {
                return;
            }
            parameter.close();
            // A parameter takes an array only while it has no shape.
            parameter.setShape(array == null ? shape : null);
            if (array != null) {
                parameter.setArray(array);
            }
        }

        private static NDArray arrayOf(Parameter parameter) {
            return parameter.isInitialized() ? parameter.getArray() : null;
        }
    }

    /** A linear block takes its number of units from the file, and would initialize with it. */
    private record LinearState(Linear linear, long units, Shape weight, Shape input) {

        static LinearState of(Linear linear) {
            return new LinearState(
                    linear,
                    linear.getOutputShapes(new Shape[] {ONE_FEATURE})[0].get(0),
                    linear.getDirectParameters().get("weight").getShape(),
                    linear.describeInput().valueAt(0));
        }

        void restore() {
            ByteArrayOutputStream bytes = new ByteArrayOutputStream();
            DataOutputStream out = new DataOutputStream(bytes);
            try {
                out.writeLong(units);
                out.writeLong(weight == null ? 0 : weight.get(1));
                out.write((input == null ? new Shape() : input).getEncoded());
                linear.loadMetadata(
                        LINEAR_VERSION,
                        new DataInputStream(new ByteArrayInputStream(bytes.toByteArray())));
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            } catch (MalformedModelException e) {
                throw new IllegalStateException(e);
            }
        }
    }
}
