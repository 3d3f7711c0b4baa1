package org.djlflash.nn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.MalformedModelException;
import ai.djl.Model;
import ai.djl.engine.Engine;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Activation;
import ai.djl.nn.Block;
import ai.djl.nn.transformer.BertBlock;
import ai.djl.nn.transformer.ScaledDotProductAttentionBlock;
import ai.djl.nn.transformer.TransformerEncoderBlock;
import java.io.EOFException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.function.Supplier;
import org.djlflash.testkit.Closeness;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Files of parameters: models both ways, and files that do not fit. */
class ParameterFileTest {

    private NDManager manager;

    @BeforeEach
    void open() {
        Engine.getInstance().setRandomSeed(7);
        manager = NDManager.newBaseManager();
    }

    @AfterEach
    void close() {
        manager.close();
    }

    @Test
    void modelsLoadBothWays(@TempDir Path folder) throws Exception {
        NDList inputs = BertFixture.inputs(manager, 1, 2, BertFixture.TOKENS);
        BertBlock djl = BertFixture.djl(manager);
        double[] expected = Closeness.toDoubles(infer(djl, inputs));
        try (Model model = Model.newInstance("bert")) {
            model.setBlock(djl);
            model.save(folder.resolve("djl"), "bert");
        }
        FlashBertBlock ours = BertFixture.flash().build();
        try (Model model = Model.newInstance("bert")) {
            model.setBlock(ours);
            model.load(folder.resolve("djl"), "bert");
            Closeness.assertClose("ours", expected, infer(ours, inputs), 1e-5);
            model.save(folder.resolve("ours"), "bert");
        }
        BertBlock back = BertFixture.djl(manager);
        try (Model model = Model.newInstance("bert")) {
            model.setBlock(back);
            model.load(folder.resolve("ours"), "bert");
            assertArrayEquals(expected, Closeness.toDoubles(infer(back, inputs)));
        }
        assertArrayEquals(
                Files.readAllBytes(folder.resolve("djl/bert-0000.params")),
                Files.readAllBytes(folder.resolve("ours/bert-0000.params")));
    }

    private NDArray infer(Block block, NDList inputs) {
        return Blocks.infer(block, manager, inputs.toArray(new NDArray[0])).head();
    }

    @Test
    void attentionRefusesAnotherEmbeddingSize() throws Exception {
        Block other = attention(16);
        other.initialize(manager, DataType.FLOAT32, new Shape(1, 2, 16));
        assertRefused(
                Blocks.save(other),
                () -> flashAttention(8),
                "parameter 01keyProjection_weight is float32 (16, 16), allowed is float32 (8, 8)",
                new Shape(1, 2, 8));
    }

    @Test
    void encoderRefusesAnotherHiddenSize() throws Exception {
        Block other = new TransformerEncoderBlock(8, 2, 24, 0f, Activation::gelu);
        other.initialize(manager, DataType.FLOAT32, new Shape(1, 2, 8));
        assertRefused(
                Blocks.save(other),
                () -> new FlashTransformerEncoderBlock(8, 2, 20, 0f, Activation::gelu),
                "parameter 03outputBlock_01Linear_weight is float32 (24, 8), allowed is float32"
                        + " (20, 8)",
                new Shape(1, 2, 8));
    }

    @Test
    void encoderNamesParametersOfItsAttentionInFull() throws Exception {
        Block other = new TransformerEncoderBlock(16, 2, 20, 0f, Activation::gelu);
        other.initialize(manager, DataType.FLOAT32, new Shape(1, 2, 16));
        assertRefused(
                Blocks.save(other),
                () -> new FlashTransformerEncoderBlock(8, 2, 20, 0f, Activation::gelu),
                "parameter 01selfAttention_01keyProjection_weight is float32 (16, 16), allowed is"
                        + " float32 (8, 8)",
                new Shape(1, 2, 8));
    }

    @Test
    void bertRefusesAnotherDictionarySize() throws Exception {
        assertRefused(
                Blocks.save(BertFixture.djl(manager)),
                () -> BertFixture.flash().setTokenDictionarySize(31).build(),
                "parameter 01tokenEmbedding_embedding is float32 (30, 12), allowed is float32"
                        + " (31, 12)",
                BertFixture.shapes(2, BertFixture.TOKENS));
    }

    @Test
    void bertRefusesAnotherSequenceLength() throws Exception {
        assertRefused(
                Blocks.save(BertFixture.djl(manager)),
                () -> BertFixture.flash().optMaxSequenceLength(9).build(),
                "parameter positionEmbedding is float32 (7, 12), allowed is float32 (9, 12)",
                BertFixture.shapes(2, BertFixture.TOKENS));
    }

    @Test
    void bertRefusesAnotherType() throws Exception {
        BertBlock djl = BertFixture.djl(manager);
        djl.clear();
        djl.initialize(manager, DataType.FLOAT64, BertFixture.shapes(2, BertFixture.TOKENS));
        assertRefused(
                Blocks.save(djl),
                () -> BertFixture.flash().build(),
                "parameter positionEmbedding is float64 (7, 12), allowed is float32 (7, 12)",
                BertFixture.shapes(2, BertFixture.TOKENS));
    }

    @Test
    void bertRefusesAnotherNumberOfLayers() throws Exception {
        byte[] file = Blocks.save(BertFixture.djl(manager));
        for (int layers : new int[] {1, 3}) {
            FlashBertBlock ours = BertFixture.flash().optTransformerBlockCount(layers).build();
            assertThrows(MalformedModelException.class, () -> Blocks.load(ours, manager, file));
            assertFalse(ours.isInitialized());
        }
    }

    @Test
    void refusesCutFilesAndKeepsParameters() throws Exception {
        FlashBertBlock ours = BertFixture.flash().build();
        Blocks.initialize(ours, manager, BertFixture.shapes(2, BertFixture.TOKENS));
        byte[] before = Blocks.save(ours);
        byte[] other = Blocks.save(BertFixture.djl(manager));
        for (int length : new int[] {0, 1, 100, other.length / 2, other.length - 1}) {
            byte[] cut = Arrays.copyOf(other, length);
            assertThrows(IOException.class, () -> Blocks.load(ours, manager, cut));
            assertArrayEquals(before, Blocks.save(ours), "after " + length + " bytes");
        }
        assertThrows(EOFException.class, () -> Blocks.load(ours, manager, new byte[0]));
    }

    /**
     * Expects a refusal of a block without parameters, which then initializes as if nothing had
     * been, and of one with parameters, which then saves what it saved before.
     */
    private void assertRefused(byte[] file, Supplier<Block> block, String message, Shape... shapes)
            throws Exception {
        Block fresh = block.get();
        assertEquals(message, refusal(fresh, file));
        assertFalse(fresh.isInitialized());
        Blocks.initialize(fresh, manager, shapes);
        Block untouched = block.get();
        Blocks.initialize(untouched, manager, shapes);
        assertEquals(untouched.getParameters().keys(), fresh.getParameters().keys());
        for (String name : fresh.getParameters().keys()) {
            assertEquals(
                    untouched.getParameters().get(name).getShape(),
                    fresh.getParameters().get(name).getShape(),
                    name);
        }

        byte[] before = Blocks.save(untouched);
        NDArray array = untouched.getParameters().valueAt(0).getArray();
        int arrays = manager.getManagedArrays().size();
        assertEquals(message, refusal(untouched, file));
        assertSame(array, untouched.getParameters().valueAt(0).getArray());
        assertTrue(array.hasGradient());
        assertArrayEquals(before, Blocks.save(untouched));
        assertEquals(arrays, manager.getManagedArrays().size(), "arrays left behind");
    }

    private String refusal(Block block, byte[] file) {
        return assertThrows(MalformedModelException.class, () -> Blocks.load(block, manager, file))
                .getMessage();
    }

    private static Block attention(int size) {
        return ScaledDotProductAttentionBlock.builder()
                .setEmbeddingSize(size)
                .setHeadCount(2)
                .build();
    }

    private static Block flashAttention(int size) {
        return FlashScaledDotProductAttentionBlock.builder()
                .setEmbeddingSize(size)
                .setHeadCount(2)
                .build();
    }
}
