package org.djlflash.zoo.weights;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.MalformedModelException;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Parameter;
import ai.djl.nn.core.Linear;
import ai.djl.training.ParameterStore;
import ai.djl.util.Progress;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class WeightLoaderTest {

    @TempDir Path folder;
    private NDManager manager;

    @BeforeEach
    void openManager() {
        manager = NDManager.newBaseManager();
    }

    @AfterEach
    void closeManager() {
        manager.close();
    }

    @Test
    void fillsABlock() throws Exception {
        Linear linear = Linear.builder().setUnits(2).build();
        List<WeightBinding> bindings =
                List.of(
                        new WeightBinding(
                                "c.weight",
                                linear.getParameters().get("weight"),
                                new Shape(2, 3),
                                true),
                        new WeightBinding(
                                "c.bias", linear.getParameters().get("bias"), new Shape(2), false));
        SafetensorsBytes bytes =
                new SafetensorsBytes()
                        .f32("c.weight", "[3,2]", 1, 10, 2, 20, 3, 30)
                        .f32("c.bias", "[2]", 100, 200);
        load(WeightLoader.builder().build(), bytes, bindings);

        linear.initialize(manager, DataType.FLOAT32, new Shape(1, 3));
        NDList input = new NDList(manager.create(new float[] {1, 1, 2}, new Shape(1, 3)));
        NDArray output =
                linear.forward(new ParameterStore(manager, false), input, false).singletonOrThrow();
        assertArrayEquals(new float[] {109, 290}, output.toFloatArray());
        assertEquals("weight", linear.getParameters().get("weight").getArray().getName());
    }

    @Test
    void transposesAnyMatrix() throws Exception {
        for (long[] shape : new long[][] {{2, 3}, {1, 6}, {6, 1}, {0, 3}}) {
            int size = (int) (shape[0] * shape[1]);
            float[] values = new float[size];
            IntStream.range(0, size).forEach(i -> values[i] = i);
            Parameter parameter = parameter("w");
            SafetensorsBytes bytes =
                    new SafetensorsBytes().f32("w", "[" + shape[0] + "," + shape[1] + "]", values);
            Shape transposed = new Shape(shape[1], shape[0]);
            load(
                    WeightLoader.builder().build(),
                    bytes,
                    List.of(new WeightBinding("w", parameter, transposed, true)));
            assertEquals(transposed, parameter.getArray().getShape());
            float[] found = parameter.getArray().toFloatArray();
            for (int i = 0; i < size; i++) {
                int row = i / (int) shape[1];
                int column = i % (int) shape[1];
                assertEquals(i, found[column * (int) shape[0] + row]);
            }
        }
    }

    @Test
    void replacesAnInitialisedParameter() throws Exception {
        Parameter trained = initialised("t", 2);
        Parameter frozen = initialised("f", 2);
        frozen.freeze(true);
        NDArray old = trained.getArray();
        int before = manager.getManagedArrays().size();
        SafetensorsBytes bytes = new SafetensorsBytes().f32("t", "[2]", 1, 2).f32("f", "[2]", 3, 4);
        load(WeightLoader.builder().build(), bytes, List.of(bind(trained, 2), bind(frozen, 2)));
        assertArrayEquals(new float[] {1, 2}, trained.getArray().toFloatArray());
        assertArrayEquals(new float[] {3, 4}, frozen.getArray().toFloatArray());
        assertTrue(trained.getArray().hasGradient());
        assertFalse(frozen.getArray().hasGradient());
        assertTrue(old.isReleased());
        assertSame(manager, trained.getArray().getManager());
        assertEquals(before, manager.getManagedArrays().size());
    }

    @Test
    void loadsAsFloat16() throws Exception {
        Parameter parameter = parameter("w");
        load(
                WeightLoader.builder().optDataType(DataType.FLOAT16).build(),
                new SafetensorsBytes().f32("w", "[1]", 1 + 0x1p-11f),
                List.of(bind(parameter, 1)));
        assertEquals(DataType.FLOAT16, parameter.getArray().getDataType());
        assertArrayEquals(new float[] {1}, parameter.getArray().toFloatArray());
        assertThrows(
                IllegalArgumentException.class,
                () -> WeightLoader.builder().optDataType(DataType.BFLOAT16));
    }

    @Test
    void namesWhatDoesNotFit() throws Exception {
        Parameter good = initialised("good", 2);
        Parameter wrong = parameter("wrong");
        Parameter integer = parameter("integer");
        SafetensorsBytes bytes =
                new SafetensorsBytes()
                        .f32("good", "[2]", 1, 2)
                        .f32("wrong", "[2,1]", 1, 2)
                        .i64("integer", "[1]", 1);
        List<WeightBinding> bindings =
                List.of(
                        bind(good, 2),
                        new WeightBinding("wrong", wrong, new Shape(2, 1), true),
                        bind(integer, 1),
                        new WeightBinding("none", parameter("p"), new Shape(1), false));
        MalformedModelException e =
                assertThrows(
                        MalformedModelException.class,
                        () -> load(WeightLoader.builder().build(), bytes, bindings));
        assertEquals(
                "3 of 4 weights do not fit: \"wrong\" for parameter wrong of shape (2, 1) has shape"
                        + " (2, 1), must have (1, 2); \"integer\" for parameter integer is I64, must"
                        + " be F64, F32, F16 or BF16; \"none\" for parameter p is missing",
                e.getMessage());
        assertArrayEquals(new float[2], good.getArray().toFloatArray());
        assertFalse(wrong.isInitialized());
    }

    @Test
    void namesTwentyAtMost() {
        List<WeightBinding> bindings =
                IntStream.range(0, 25).mapToObj(i -> bind(parameter("p" + i), 1)).toList();
        MalformedModelException e =
                assertThrows(
                        MalformedModelException.class,
                        () ->
                                load(
                                        WeightLoader.builder().build(),
                                        new SafetensorsBytes(),
                                        bindings));
        assertTrue(e.getMessage().contains("\"p19\""), e.getMessage());
        assertFalse(e.getMessage().contains("\"p20\""), e.getMessage());
        assertTrue(e.getMessage().endsWith("; and 5 more"), e.getMessage());
    }

    @Test
    void leavesParametersAloneWhenReadingFails() throws Exception {
        Parameter first = initialised("first", 1);
        Parameter second = parameter("second");
        NDArray old = first.getArray();
        SafetensorsBytes bytes =
                new SafetensorsBytes().f64("first", "[1]", 5).f64("second", "[1]", 1e300);
        assertThrows(
                MalformedModelException.class,
                () ->
                        load(
                                WeightLoader.builder().build(),
                                bytes,
                                List.of(bind(first, 1), bind(second, 1))));
        assertSame(old, first.getArray());
        assertFalse(old.isReleased());
        assertFalse(second.isInitialized());
        assertEquals(1, manager.getManagedArrays().size());
    }

    @Test
    void isStrictAboutExtrasIfAsked() throws Exception {
        SafetensorsBytes bytes =
                new SafetensorsBytes()
                        .f32("w", "[1]", 1)
                        .f32("h.0.attn.bias", "[1]", 1)
                        .f32("more", "[1]", 1);
        List<WeightBinding> bindings = List.of(bind(parameter("w"), 1));
        WeightLoader strict =
                WeightLoader.builder()
                        .optStrict(true)
                        .optIgnored(name -> name.endsWith(".attn.bias"))
                        .build();
        MalformedModelException e =
                assertThrows(MalformedModelException.class, () -> load(strict, bytes, bindings));
        assertEquals("no parameter takes 1 of the tensors: more", e.getMessage());
        WeightLoader lenient = WeightLoader.builder().build();
        load(lenient, bytes, bindings);
        assertEquals(1, bindings.get(0).parameter().getArray().getFloat(0));
    }

    @Test
    void refusesAParameterBoundTwice() {
        Parameter parameter = parameter("w");
        assertThrows(
                IllegalArgumentException.class,
                () ->
                        load(
                                WeightLoader.builder().build(),
                                new SafetensorsBytes().f32("w", "[1]", 1),
                                List.of(bind(parameter, 1), bind(parameter, 1))));
        assertFalse(parameter.isInitialized());
    }

    @Test
    void fillsTwoParametersFromOneTensor() throws Exception {
        Parameter one = parameter("w");
        Parameter two = parameter("v");
        load(
                WeightLoader.builder().build(),
                new SafetensorsBytes().f32("w", "[1]", 1),
                List.of(bind(one, 1), new WeightBinding("w", two, new Shape(1), false)));
        assertEquals(1, two.getArray().getFloat(0));
        one.close();
        assertEquals(1, two.getArray().getFloat(0));
    }

    @Test
    void refusesContradictoryBindings() {
        Shape cube = new Shape(1, 1, 1);
        assertThrows(
                IllegalArgumentException.class,
                () -> new WeightBinding("w", parameter("w"), cube, true));
        Parameter other = initialised("w", 2);
        assertThrows(IllegalArgumentException.class, () -> bind(other, 3));
        assertEquals(new Shape(2), bind(other, 2).tensorShape());
    }

    @Test
    void tellsItsProgress() throws Exception {
        List<String> told = new ArrayList<>();
        Progress progress =
                new Progress() {
                    @Override
                    public void reset(String message, long max, String trailingMessage) {
                        told.add(message + " " + max);
                    }

                    @Override
                    public void start(long initialProgress) {
                        told.add("start");
                    }

                    @Override
                    public void end() {
                        told.add("end");
                    }

                    @Override
                    public void increment(long increment) {
                        told.add("+" + increment);
                    }

                    @Override
                    public void update(long progress, String message) {
                        told.add("=" + progress);
                    }
                };
        load(
                WeightLoader.builder().optProgress(progress).build(),
                new SafetensorsBytes().f32("a", "[1]", 1).f32("b", "[1]", 1),
                List.of(bind(parameter("a"), 1), bind(parameter("b"), 1)));
        assertEquals(List.of("Loading weights 2", "start", "+1", "+1", "end"), told);
    }

    private void load(WeightLoader loader, SafetensorsBytes bytes, List<WeightBinding> bindings)
            throws IOException, MalformedModelException {
        bytes.write(folder.resolve("model.safetensors"));
        try (Checkpoint checkpoint = Checkpoint.open(folder)) {
            loader.load(checkpoint, bindings, manager);
        }
    }

    private static WeightBinding bind(Parameter parameter, long size) {
        return new WeightBinding(parameter.getName(), parameter, new Shape(size), false);
    }

    private static Parameter parameter(String name) {
        return Parameter.builder().setName(name).setType(Parameter.Type.BIAS).build();
    }

    private Parameter initialised(String name, long size) {
        Parameter parameter = parameter(name);
        parameter.setShape(new Shape(size));
        parameter.initialize(manager, DataType.FLOAT32);
        return parameter;
    }
}
