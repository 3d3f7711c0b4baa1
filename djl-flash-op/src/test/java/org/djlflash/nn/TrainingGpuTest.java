package org.djlflash.nn;

import static org.junit.jupiter.api.Assertions.assertEquals;

import ai.djl.Device;
import ai.djl.engine.Engine;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Activation;
import ai.djl.nn.Block;
import ai.djl.nn.transformer.TransformerEncoderBlock;
import java.util.Optional;
import org.djlflash.AttentionRequest;
import org.djlflash.Backend;
import org.djlflash.CausalAlignment;
import org.djlflash.FlashAttention;
import org.djlflash.testkit.RequiresGpu;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Training on a GPU, on our kernels in every type that they take. */
@RequiresGpu
class TrainingGpuTest {

    private static final int TOKENS = 40;
    private static final int HEADS = 2;
    private static final int SIZE = 64;

    /**
     * Sixteen bits round by 2^-11 in FLOAT16 and 2^-8 in BFLOAT16; a loss, the mean of 10,000
     * squares, may be off by a fifth of that. Without gradients of attention it is off by 2e-3.
     */
    @ParameterizedTest
    @CsvSource({"FLOAT32, 1e-5", "FLOAT16, 1e-4", "BFLOAT16, 8e-4"})
    void encoderLearnsAsDjlsBlock(DataType computeType, double tolerance) throws Exception {
        Engine.getInstance().setRandomSeed(7);
        try (NDManager manager = NDManager.newBaseManager(Device.gpu())) {
            Shape x = new Shape(EasyTraining.BATCH, TOKENS, SIZE);
            Block djl = new TransformerEncoderBlock(SIZE, HEADS, SIZE, 0f, Activation::gelu);
            Blocks.initialize(djl, manager, x);
            Block ours =
                    FlashTransformerEncoderBlock.builder()
                            .setEmbeddingSize(SIZE)
                            .setHeadCount(HEADS)
                            .setHiddenSize(SIZE)
                            .optDropoutProbability(0)
                            .optAttention(attention -> attention.optComputeType(computeType))
                            .build();
            Blocks.copy(djl, ours, manager, x);
            NDArray data = Blocks.normal(manager, 1, EasyTraining.ROWS, TOKENS, SIZE);
            NDArray labels = Blocks.normal(manager, 2, EasyTraining.ROWS, TOKENS, SIZE);

            assertEquals(
                    Optional.of(Backend.CUDA),
                    FlashAttention.explain(request(computeType)).chosen());
            EasyTraining.assertLossesEqual(djl, ours, tolerance, new NDList(data), labels, x);
        }
    }

    private static AttentionRequest request(DataType computeType) {
        int headSize = SIZE / HEADS;
        return new AttentionRequest(
                EasyTraining.BATCH,
                HEADS,
                HEADS,
                TOKENS,
                TOKENS,
                headSize,
                DataType.FLOAT32,
                computeType,
                Device.gpu(),
                true,
                1 / Math.sqrt(headSize),
                CausalAlignment.NONE,
                false,
                false,
                false,
                0,
                false,
                0);
    }
}
