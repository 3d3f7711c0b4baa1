package org.djlflash.zoo.decoder;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.Device;
import ai.djl.engine.Engine;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDArrays;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.training.GradientCollector;
import ai.djl.training.ParameterStore;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import org.djlflash.zoo.SharedModels;
import org.djlflash.zoo.generate.GenerationOptions;
import org.djlflash.zoo.generate.GenerationResult;
import org.djlflash.zoo.generate.TextGenerator;
import org.djlflash.zoo.provider.CausalModels;
import org.djlflash.zoo.weights.WeightBinding;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Random models against what Hugging Face transformers computes in double precision. */
abstract class DecoderReferenceTest {

    private final Path folder;
    private final Device device;
    private NDManager manager;
    private NDList expected;
    private DecoderModel<?> model;

    DecoderReferenceTest(String name, Device device) {
        folder = SharedModels.folder(name);
        this.device = device;
    }

    @BeforeEach
    void load() throws Exception {
        manager = NDManager.newBaseManager(device, "PyTorch");
        model = CausalModels.load(folder, device, DataType.FLOAT32, null);
        try (InputStream stream = Files.newInputStream(folder.resolve("expected.safetensors"))) {
            expected = NDList.decode(manager, stream);
        }
    }

    @AfterEach
    void close() {
        model.close();
        manager.close();
    }

    private int[] ids(int row) {
        int length = expected.get("lengths").toIntArray()[row];
        int[] padded = expected.get("input_ids").get(row).toIntArray();
        return Arrays.copyOf(padded, length);
    }

    private NDArray batch(int[] ids) {
        return manager.create(
                Arrays.stream(ids).asLongStream().toArray(), new Shape(1, ids.length));
    }

    private static void assertClose(NDArray expected, NDArray actual, float tolerance) {
        float[] a = expected.flatten().toFloatArray();
        float[] b = actual.flatten().toFloatArray();
        assertArrayEquals(a, b, tolerance);
    }

    @Test
    void logits() {
        assertClose(expected.get("logits_row0"), model.logits(batch(ids(0))), 1e-3f);
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 2})
    void logitsOfTheLastTokenByStepsOfAnySize(int row) {
        int[] ids = ids(row);
        NDArray last = expected.get("last_logits_row" + row);
        for (int step : new int[] {1, 3, ids.length}) {
            try (var sequence = model.newSequence(manager, 1, ids.length)) {
                NDArray logits = null;
                for (int from = 0; from < ids.length; from += step) {
                    int to = Math.min(ids.length, from + step);
                    logits = sequence.read(batch(Arrays.copyOfRange(ids, from, to)));
                }
                assertClose(last, logits, 1e-3f);
            }
        }
    }

    /** Padding is an id that no row holds, and rows swap places between the steps. */
    @ParameterizedTest
    @ValueSource(ints = {1, 5, 13})
    void logitsOfTheLastTokensOfABatch(int first) {
        int rows = 3;
        int capacity = 40 + first;
        try (var sequence = model.newSequence(manager, rows, capacity)) {
            sequence.read(padded(0, first), first, first, first);
            sequence.select(2, 0, 1);
            int[] origins = {2, 0, 1};
            long[] counts = new long[rows];
            for (int i = 0; i < rows; i++) {
                counts[i] = Math.max(1, ids(origins[i]).length - first);
            }
            NDArray padded = padded(first, 40);
            NDArray logits =
                    sequence.read(
                            NDArrays.stack(new NDList(padded.get(2), padded.get(0), padded.get(1))),
                            counts);
            for (int i = 0; i < rows; i++) {
                if (ids(origins[i]).length > first) {
                    assertClose(expected.get("last_logits_row" + origins[i]), logits.get(i), 1e-3f);
                }
            }
        }
    }

    @Test
    void logitsOfTheLastTokensOfPromptsReadAtOnce() {
        try (var sequence = model.newSequence(manager, 3, 40)) {
            NDArray logits = sequence.read(padded(0, 40), 40, 33, 13);
            for (int row = 0; row < 3; row++) {
                assertClose(expected.get("last_logits_row" + row), logits.get(row), 1e-3f);
            }
        }
    }

    private NDArray padded(int from, int to) {
        NDList rows = new NDList();
        for (int row = 0; row < 3; row++) {
            int[] ids = Arrays.copyOf(ids(row), 40);
            Arrays.fill(ids, ids(row).length, 40, 1008);
            rows.add(batch(Arrays.copyOfRange(ids, from, to)).squeeze(0));
        }
        return NDArrays.stack(rows);
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 2})
    void greedyContinuation(int row) {
        int[] next = expected.get("greedy_row" + row).toIntArray();
        GenerationResult result =
                new TextGenerator(model)
                        .generate(ids(row), GenerationOptions.greedy(next.length), (id, n) -> true);
        assertArrayEquals(next, result.ids());
    }

    @Test
    void nothingButLogitsIsLeft() {
        try (NDManager scope = model.manager().newSubManager();
                var sequence = model.newSequence(manager, 1, 3)) {
            NDArray ids = scope.create(new long[] {1, 2, 3}, new Shape(1, 3));
            model.logits(ids);
            assertEquals(2, scope.getManagedArrays().size());
            sequence.read(ids);
            assertEquals(3, scope.getManagedArrays().size());
        }
    }

    @Test
    void halfPrecisionIsClose() throws Exception {
        try (DecoderModel<?> half = CausalModels.load(folder, device, DataType.FLOAT16, null)) {
            assertEquals(DataType.FLOAT16, half.block().dataType());
            NDArray logits = half.logits(batch(ids(0)));
            assertEquals(DataType.FLOAT32, logits.getDataType());
            float largest = expected.get("logits_row0").abs().max().getFloat();
            assertClose(expected.get("logits_row0"), logits, 1e-2f * largest);
        }
    }

    @Test
    void lossAndGradientNorms() throws Exception {
        int[] ids = ids(0);
        ParameterStore store = new ParameterStore(manager, false);
        try (GradientCollector collector = Engine.getEngine("PyTorch").newGradientCollector()) {
            NDArray logits =
                    model.block().forward(store, new NDList(batch(ids)), true).singletonOrThrow();
            NDArray labels = batch(ids).get(":, 1:").expandDims(-1);
            NDArray loss = logits.get(":, :-1").logSoftmax(-1).gather(labels, -1).mean().neg();
            assertEquals(expected.get("loss_row0").getFloat(0), loss.getFloat(), 1e-3 * 7);
            collector.backward(loss);
        }
        JsonNode norms =
                new ObjectMapper().readTree(folder.resolve("expected_grad_norms.json").toFile());
        List<WeightBinding> bindings = model.block().bindings(Set.of("transformer.wte.weight"));
        assertEquals(norms.size(), bindings.size());
        for (WeightBinding binding : bindings) {
            double norm =
                    Math.sqrt(
                            binding.parameter()
                                    .getArray()
                                    .getGradient()
                                    .toType(DataType.FLOAT64, true)
                                    .square()
                                    .sum()
                                    .getDouble());
            double wanted = norms.get(binding.tensorName()).asDouble();
            assertTrue(
                    Math.abs(norm - wanted) <= 1e-3 * wanted,
                    binding.tensorName() + ": " + norm + ", expected " + wanted);
        }
    }
}
