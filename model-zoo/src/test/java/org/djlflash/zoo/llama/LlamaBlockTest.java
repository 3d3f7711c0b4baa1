package org.djlflash.zoo.llama;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Parameter;
import ai.djl.training.initializer.NormalInitializer;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.djlflash.torch.TorchLibrary;
import org.djlflash.zoo.weights.Checkpoint;
import org.djlflash.zoo.weights.WeightBinding;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class LlamaBlockTest {

    private static final long[] IDS = {3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5};

    private static final int POSITIONS = 64;

    private NDManager manager;

    @TempDir Path folder;

    @BeforeEach
    void open() {
        manager = NDManager.newBaseManager(Device.cpu(), TorchLibrary.ENGINE);
    }

    @AfterEach
    void close() {
        manager.close();
    }

    private static LlamaConfig config(
            int heads,
            int keyValueHeads,
            int headSize,
            RotaryScaling scaling,
            boolean biases,
            boolean tied) {
        return new LlamaConfig(
                11,
                POSITIONS,
                24,
                20,
                2,
                heads,
                keyValueHeads,
                headSize,
                1e-5,
                new RotarySettings(100, scaling),
                biases,
                biases,
                0,
                tied,
                List.of());
    }

    static LlamaConfig[] configs() {
        RotaryScaling none = new RotaryScaling.None();
        return new LlamaConfig[] {
            config(6, 6, 4, none, false, false),
            config(6, 2, 4, none, false, true),
            config(6, 1, 4, new RotaryScaling.Linear(4), true, false),
            config(2, 1, 16, new RotaryScaling.Llama3(8, 1, 4, 16), true, true),
        };
    }

    private Llama random(LlamaConfig config) {
        manager.getEngine().setRandomSeed(1);
        LlamaBlock block = new LlamaBlock(config);
        block.setInitializer(new NormalInitializer(0.3f), parameter -> true);
        block.initialize(manager, DataType.FLOAT32, new Shape(1, 1));
        return new Llama(block, manager);
    }

    private NDArray ids(int from, int to) {
        return manager.create(Arrays.copyOfRange(IDS, from, to), new Shape(1, to - from));
    }

    @ParameterizedTest
    @MethodSource("configs")
    void logitsAreThoseOfTheDefinition(LlamaConfig config) {
        Llama model = random(config);
        double[][] expected = new LlamaInDouble(model.block()).logits(IDS);
        NDArray logits = model.logits(ids(0, IDS.length));
        assertEquals(new Shape(1, IDS.length, 11), logits.getShape());
        assertEquals(DataType.FLOAT32, logits.getDataType());
        double[] flat = Arrays.stream(expected).flatMapToDouble(Arrays::stream).toArray();
        double largest = Arrays.stream(flat).map(Math::abs).max().orElseThrow();
        assertTrue(largest > 0.1, "logits of " + largest + " show nothing");
        assertClose(flat, logits, 1e-5 * Math.max(1, largest));
    }

    @ParameterizedTest
    @MethodSource("configs")
    void decodingIsRecomputing(LlamaConfig config) {
        Llama model = random(config);
        try (var sequence = model.newSequence(manager, 1, IDS.length)) {
            sequence.read(ids(0, 4));
            for (int i = 4; i < IDS.length; i++) {
                NDArray all = model.logits(ids(0, i + 1));
                float[] last = all.get(0, i).toFloatArray();
                assertArrayEquals(last, sequence.read(ids(i, i + 1)).toFloatArray(), 1e-4f);
            }
        }
    }

    @ParameterizedTest
    @MethodSource("configs")
    void savedWeightsLoad(LlamaConfig config) throws Exception {
        Llama model = random(config);
        Llama.saveWeights(model.block(), folder);
        LlamaBlock loaded = new LlamaBlock(config);
        loaded.loadWeights(folder, manager, DataType.FLOAT32, null);
        try (Checkpoint checkpoint = Checkpoint.open(folder)) {
            String head = "lm_head.weight";
            assertEquals(!config.tieWordEmbeddings(), checkpoint.tensors().containsKey(head), head);
        }
        assertEquals(
                model.logits(ids(0, IDS.length)),
                new Llama(loaded, manager).logits(ids(0, IDS.length)));
    }

    @Test
    void refusesTokensBeyondTheLastPosition() {
        Llama model = random(configs()[0]);
        NDArray tooMany = manager.zeros(new Shape(1, POSITIONS + 1), DataType.INT64);
        String message =
                assertThrows(IllegalArgumentException.class, () -> model.logits(tooMany))
                        .getMessage();
        assertEquals("65 tokens, the model has 64 positions", message);
    }

    /** Published: 33.7 billion parameters, 8 heads of keys, 16,384 positions. */
    @Test
    void codeLlama34b() {
        LlamaConfig config =
                new LlamaConfig(
                        32_000,
                        16_384,
                        8192,
                        22_016,
                        48,
                        64,
                        8,
                        128,
                        1e-5,
                        new RotarySettings(1_000_000, new RotaryScaling.None()),
                        false,
                        false,
                        0,
                        false,
                        List.of(2));
        LlamaBlock block = new LlamaBlock(config);
        Map<String, WeightBinding> weights =
                LlamaWeights.bindings(block).stream()
                        .collect(Collectors.toMap(WeightBinding::tensorName, Function.identity()));
        assertEquals(3 + 48 * 9, weights.size());
        String layer = "model.layers.47.";
        for (Map.Entry<String, Shape> entry :
                Map.of(
                                "model.embed_tokens.weight",
                                new Shape(32_000, 8192),
                                "lm_head.weight",
                                new Shape(32_000, 8192),
                                layer + "self_attn.q_proj.weight",
                                new Shape(8192, 8192),
                                layer + "self_attn.k_proj.weight",
                                new Shape(1024, 8192),
                                layer + "self_attn.v_proj.weight",
                                new Shape(1024, 8192),
                                layer + "self_attn.o_proj.weight",
                                new Shape(8192, 8192),
                                layer + "mlp.gate_proj.weight",
                                new Shape(22_016, 8192),
                                layer + "mlp.up_proj.weight",
                                new Shape(22_016, 8192),
                                layer + "mlp.down_proj.weight",
                                new Shape(8192, 22_016),
                                layer + "input_layernorm.weight",
                                new Shape(8192))
                        .entrySet()) {
            assertEquals(entry.getValue(), weights.get(entry.getKey()).tensorShape());
        }
        long parameters =
                weights.values().stream().mapToLong(weight -> weight.shape().size()).sum();
        assertEquals(33_743_970_304L, parameters);
        assertTrue(
                weights.values().stream()
                        .map(WeightBinding::parameter)
                        .noneMatch(Parameter::isInitialized));
        assertEquals(
                new Shape(2, 16_384, 32_000),
                block.getOutputShapes(new Shape[] {new Shape(2, 16_384)})[0]);
        assertEquals(64, config.rotary().frequencies(config.headSize()).length);
    }

    private static void assertClose(double[] expected, NDArray actual, double tolerance) {
        float[] values = actual.toFloatArray();
        double[] wide = new double[values.length];
        Arrays.setAll(wide, i -> values[i]);
        assertArrayEquals(expected, wide, tolerance);
    }
}
