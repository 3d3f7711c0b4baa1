package org.djlflash.nn;

import ai.djl.MalformedModelException;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Block;
import ai.djl.nn.Parameter;
import ai.djl.training.GradientCollector;
import ai.djl.training.ParameterStore;
import ai.djl.training.initializer.Initializer;
import ai.djl.util.Pair;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.djlflash.testkit.Closeness;
import org.junit.jupiter.api.Assertions;

/** What tests of blocks have in common: parameters, files, passes and their comparison. */
final class Blocks {

    private Blocks() {}

    /** Outputs, gradients of inputs and parameters by name, and parameters after the pass. */
    record Pass(
            List<Shape> shapes,
            List<double[]> outputs,
            Map<String, double[]> gradients,
            Map<String, double[]> parameters) {}

    /** Gives every parameter random values, gammas and variances positive ones. */
    static void initialize(Block block, NDManager manager, Shape... shapes) {
        Initializer any = (m, shape, type) -> m.randomNormal(0, 0.2f, shape, type);
        Initializer positive = (m, shape, type) -> m.randomUniform(0.5f, 1.5f, shape, type);
        block.setInitializer(any, parameter -> true);
        block.setInitializer(positive, Parameter.Type.GAMMA);
        block.setInitializer(positive, Parameter.Type.RUNNING_VAR);
        block.initialize(manager, DataType.FLOAT32, shapes);
    }

    static byte[] save(Block block) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        block.saveParameters(new DataOutputStream(bytes));
        return bytes.toByteArray();
    }

    /** Loads all bytes: that none stay unread is half of what makes files interchangeable. */
    static void load(Block block, NDManager manager, byte[] bytes)
            throws IOException, MalformedModelException {
        DataInputStream stream = new DataInputStream(new ByteArrayInputStream(bytes));
        block.loadParameters(manager, stream);
        Assertions.assertEquals(0, stream.available(), "unread bytes");
    }

    /**
     * Gives a block the parameters of another through a file, and hands them back: the files are
     * the same, byte for byte.
     */
    static void copy(Block from, Block to, NDManager manager, Shape... shapes)
            throws IOException, MalformedModelException {
        byte[] file = save(from);
        load(to, manager, file);
        Assertions.assertArrayEquals(file, save(to));
        load(from, manager, save(to));
        Assertions.assertArrayEquals(file, save(from));
        // What was loaded records gradients only after this.
        from.initialize(manager, DataType.FLOAT32, shapes);
        to.initialize(manager, DataType.FLOAT32, shapes);
    }

    /** Runs a block and takes the gradients of a sum of its outputs with fixed weights. */
    static Pass run(Block block, NDManager manager, NDList inputs, boolean training) {
        ParameterStore store = new ParameterStore(manager, false);
        Map<String, double[]> gradients = new LinkedHashMap<>();
        List<Shape> shapes = new ArrayList<>();
        List<double[]> outputs = new ArrayList<>();
        try (NDManager scope = manager.newSubManager();
                GradientCollector collector = manager.getEngine().newGradientCollector()) {
            NDList copies = new NDList();
            for (NDArray input : inputs) {
                NDArray copy = input.duplicate();
                copy.attach(scope);
                copies.add(copy);
            }
            NDArray first = copies.head();
            if (first.getDataType() == DataType.FLOAT32) {
                first.setRequiresGradient(true);
            }
            NDArray target = null;
            int seed = 0;
            for (NDArray output : block.forward(store, copies, training)) {
                shapes.add(output.getShape());
                outputs.add(Closeness.toDoubles(output));
                NDArray weights =
                        scope.create(normal(++seed, output.getShape()), output.getShape());
                NDArray sum = output.mul(weights).sum();
                target = target == null ? sum : target.add(sum);
            }
            collector.backward(target);
            if (first.hasGradient()) {
                gradients.put("first input", Closeness.toDoubles(first.getGradient()));
            }
        }
        Map<String, double[]> parameters = new LinkedHashMap<>();
        for (Pair<String, Parameter> named : block.getParameters()) {
            NDArray array = named.getValue().getArray();
            parameters.put(named.getKey(), Closeness.toDoubles(array));
            if (array.hasGradient()) {
                gradients.put(named.getKey(), Closeness.toDoubles(array.getGradient()));
            }
        }
        return new Pass(shapes, outputs, gradients, parameters);
    }

    /** Runs a block for inference. */
    static NDList infer(Block block, NDManager manager, NDArray... inputs) {
        return block.forward(new ParameterStore(manager, false), new NDList(inputs), false);
    }

    static void assertClose(Pass expected, Pass actual, double tolerance) {
        Assertions.assertEquals(expected.shapes(), actual.shapes());
        for (int i = 0; i < expected.outputs().size(); i++) {
            Closeness.assertClose(
                    "output " + i, expected.outputs().get(i), actual.outputs().get(i), tolerance);
        }
        assertClose("gradient of ", expected.gradients(), actual.gradients(), tolerance);
        assertClose("after the pass ", expected.parameters(), actual.parameters(), tolerance);
    }

    private static void assertClose(
            String what,
            Map<String, double[]> expected,
            Map<String, double[]> actual,
            double tolerance) {
        Assertions.assertEquals(
                List.copyOf(expected.keySet()), List.copyOf(actual.keySet()), what + "names");
        expected.forEach(
                (name, values) ->
                        Closeness.assertClose(what + name, values, actual.get(name), tolerance));
    }

    /** Normally distributed numbers. */
    static float[] normal(long seed, Shape shape) {
        Random random = new Random(seed);
        float[] values = new float[Math.toIntExact(shape.size())];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) random.nextGaussian();
        }
        return values;
    }

    static NDArray normal(NDManager manager, long seed, long... shape) {
        return manager.create(normal(seed, new Shape(shape)), new Shape(shape));
    }

    /** Ones and zeros, each row beginning with a one. */
    static NDArray mask(NDManager manager, long seed, long... shape) {
        Random random = new Random(seed);
        int keys = Math.toIntExact(shape[shape.length - 1]);
        float[] values = new float[Math.toIntExact(new Shape(shape).size())];
        for (int i = 0; i < values.length; i++) {
            values[i] = i % keys == 0 || random.nextInt(3) > 0 ? 1 : 0;
        }
        return manager.create(values, new Shape(shape));
    }
}
