package org.djlflash.zoo.bert;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.Device;
import ai.djl.MalformedModelException;
import ai.djl.engine.Engine;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.nn.Parameter;
import ai.djl.training.GradientCollector;
import ai.djl.training.ParameterStore;
import ai.djl.util.Pair;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The names that checkpoints of BERT have had, and training. */
class BertWeightsTest {

    @TempDir Path folder;
    private NDManager manager;

    @BeforeEach
    void open() {
        manager = NDManager.newBaseManager(Device.cpu(), "PyTorch");
    }

    @AfterEach
    void close() {
        manager.close();
    }

    private float[] hidden() throws Exception {
        try (Bert bert = Bert.load(folder, Device.cpu(), DataType.FLOAT32, null)) {
            return bert.encode(new NDList(ids())).head().toFloatArray();
        }
    }

    private NDArray ids() {
        return manager.create(new long[] {2, 5, 7, 3}).reshape(1, 4);
    }

    private void rename(UnaryOperator<String> names) throws Exception {
        Map<String, NDArray> tensors = new LinkedHashMap<>();
        TinyBert.weights(folder, manager)
                .forEach((name, array) -> tensors.put(names.apply(name), array));
        TinyBert.writeWeights(tensors, folder);
    }

    @Test
    void namesWithPrefixAndOldNames() throws Exception {
        TinyBert.write(folder, true);
        float[] expected = hidden();
        rename(name -> "bert." + name);
        assertArrayEquals(expected, hidden());
        rename(
                name ->
                        name.replace("LayerNorm.weight", "LayerNorm.gamma")
                                .replace("LayerNorm.bias", "LayerNorm.beta"));
        assertArrayEquals(expected, hidden());
        rename(name -> name.replaceFirst("^bert\\.", ""));
        assertArrayEquals(expected, hidden());
    }

    @Test
    void headsAndBuffersAreLeftOut() throws Exception {
        TinyBert.write(folder, true);
        float[] expected = hidden();
        Map<String, NDArray> tensors = TinyBert.weights(folder, manager);
        tensors.put("embeddings.position_ids", manager.arange(12).reshape(1, 12));
        tensors.put("cls.predictions.bias", manager.ones(ids().getShape()));
        TinyBert.writeWeights(tensors, folder);
        assertArrayEquals(expected, hidden());
    }

    @Test
    void poolerIfThereIsOne() throws Exception {
        TinyBert.write(folder, false);
        try (Bert bert = Bert.load(folder, Device.cpu(), DataType.FLOAT32, null)) {
            assertFalse(bert.block().hasPooler());
            assertEquals(1, bert.encode(new NDList(ids())).size());
        }
        TinyBert.write(folder, true);
        try (Bert bert = Bert.load(folder, Device.cpu(), DataType.FLOAT32, null)) {
            assertTrue(bert.block().hasPooler());
            assertEquals(2, bert.encode(new NDList(ids())).size());
        }
    }

    @Test
    void missingWeightsAreNamed() throws Exception {
        TinyBert.write(folder, true);
        rename(name -> name.replace("layer.1.attention.self.key.bias", "layer.1.oops"));
        String message = assertThrows(MalformedModelException.class, this::hidden).getMessage();
        assertTrue(
                message.contains("\"encoder.layer.1.attention.self.key.bias\" for parameter"),
                message);
    }

    @Test
    void gradientsReachEveryParameter() throws Exception {
        BertBlock block = TinyBert.random(manager, true);
        for (Parameter parameter : block.getParameters().values()) {
            parameter.getArray().setRequiresGradient(true);
        }
        try (GradientCollector collector = Engine.getEngine("PyTorch").newGradientCollector()) {
            NDArray mask = manager.create(new long[] {1, 1, 1, 0}).reshape(1, 4);
            NDList outputs =
                    block.forward(
                            new ParameterStore(manager, false),
                            new NDList(ids(), ids().zerosLike(), mask),
                            true);
            collector.backward(outputs.head().pow(3).sum().add(outputs.get(1).sum()));
        }
        for (Pair<String, Parameter> entry : block.getParameters()) {
            NDArray gradient = entry.getValue().getArray().getGradient();
            assertFalse(gradient.isNaN().any().getBoolean(), entry.getKey());
            // A softmax does not see what is added to all its scores.
            boolean free = entry.getKey().endsWith("key_bias");
            assertTrue(free || gradient.abs().max().getFloat() > 1e-6, entry.getKey());
        }
    }
}
