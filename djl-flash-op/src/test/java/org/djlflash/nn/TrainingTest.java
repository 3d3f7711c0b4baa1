package org.djlflash.nn;

import ai.djl.engine.Engine;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Activation;
import ai.djl.nn.Block;
import ai.djl.nn.transformer.TransformerEncoderBlock;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Training with DJL's own means. */
class TrainingTest {

    /** What two ways of adding up FLOAT32 numbers may differ by. */
    private static final double ROUNDING = 1e-4;

    private static final int TOKENS = 6;
    private static final int SIZE = 8;

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

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void encoderLearnsAsDjlsBlock(boolean masked) throws Exception {
        Shape x = new Shape(EasyTraining.BATCH, TOKENS, SIZE);
        Block djl = new TransformerEncoderBlock(SIZE, 2, 16, 0f, Activation::gelu);
        Blocks.initialize(djl, manager, x);
        Block ours = new FlashTransformerEncoderBlock(SIZE, 2, 16, 0f, Activation::gelu);
        Blocks.copy(djl, ours, manager, x);
        NDArray data = Blocks.normal(manager, 1, EasyTraining.ROWS, TOKENS, SIZE);
        NDArray labels = Blocks.normal(manager, 2, EasyTraining.ROWS, TOKENS, SIZE);
        NDArray mask = Blocks.mask(manager, 3, EasyTraining.ROWS, TOKENS, TOKENS);
        NDList inputs = masked ? new NDList(data, mask) : new NDList(data);
        EasyTraining.assertLossesEqual(djl, ours, ROUNDING, inputs, labels, x);
    }

    @Test
    void bertLearnsAsDjlsBlock() throws Exception {
        NDList inputs = BertFixture.inputs(manager, 1, EasyTraining.ROWS, BertFixture.TOKENS);
        NDArray labels =
                Blocks.normal(manager, 2, EasyTraining.ROWS, BertFixture.TOKENS, BertFixture.SIZE);
        Block djl = BertFixture.djl(manager);
        Block ours = BertFixture.flash().build();
        Shape[] shapes = BertFixture.shapes(EasyTraining.BATCH, BertFixture.TOKENS);
        Blocks.copy(djl, ours, manager, shapes);
        EasyTraining.assertLossesEqual(djl, ours, ROUNDING, inputs, labels, shapes);
    }
}
