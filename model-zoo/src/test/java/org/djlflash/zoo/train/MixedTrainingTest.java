package org.djlflash.zoo.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.Device;
import ai.djl.Model;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Block;
import ai.djl.training.DefaultTrainingConfig;
import ai.djl.training.GradientCollector;
import ai.djl.training.Trainer;
import ai.djl.training.tracker.Tracker;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.djlflash.train.CrossEntropyLoss;
import org.djlflash.train.FusedAdamW;
import org.djlflash.train.MixedPrecision;
import org.djlflash.zoo.Activation;
import org.djlflash.zoo.bert.BertClassifierBlock;
import org.djlflash.zoo.bert.BertConfig;
import org.djlflash.zoo.bert.ClassifierConfig;
import org.djlflash.zoo.gpt2.Gpt2Block;
import org.djlflash.zoo.gpt2.Gpt2Config;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** GPT-2 and BERT in mixed precision, and with layers computed again, beside FLOAT32. */
class MixedTrainingTest {

    private static final int STEPS = 5;
    private static final int VOCABULARY = 40;
    private static final int TOKENS = 6;

    /** A model, and what its labels are. */
    record Case(String name, Supplier<Block> block, boolean labelPerToken) {

        @Override
        public String toString() {
            return name;
        }
    }

    static Stream<Case> cases() {
        Gpt2Config gpt2 =
                new Gpt2Config(
                        VOCABULARY,
                        TOKENS,
                        16,
                        2,
                        2,
                        32,
                        Activation.GELU_TANH,
                        1e-5,
                        0,
                        0,
                        0,
                        true,
                        false,
                        true,
                        OptionalInt.empty(),
                        List.of());
        BertConfig bert = new BertConfig(VOCABULARY, TOKENS, 2, 16, 2, 2, 32, 1e-12, 0, 0);
        ClassifierConfig labels =
                new ClassifierConfig(List.of("a", "b"), ClassifierConfig.Scoring.SINGLE_LABEL, 0);
        return Stream.of(
                new Case("gpt2", () -> new Gpt2Block(gpt2), true),
                new Case("bert", () -> new BertClassifierBlock(bert, labels), false));
    }

    private static List<Float> train(Case c, DataType type, boolean recompute) {
        FusedAdamW optimizer =
                FusedAdamW.builder().optLearningRateTracker(Tracker.fixed(5e-3f)).build();
        DefaultTrainingConfig config =
                new DefaultTrainingConfig(new CrossEntropyLoss())
                        .optDevices(new Device[] {Device.cpu()})
                        .optOptimizer(optimizer);
        List<Float> losses = new ArrayList<>();
        try (Model model = Model.newInstance(c.name, Device.cpu(), "PyTorch")) {
            model.getNDManager().getEngine().setRandomSeed(3);
            model.setBlock(c.block.get());
            MixedPrecision precision =
                    MixedPrecision.builder()
                            .optComputeType(type)
                            .optRecompute(recompute)
                            .optClipNorm(1)
                            .build();
            try (Trainer trainer = precision.newTrainer(model, config)) {
                trainer.initialize(new Shape(4, TOKENS));
                for (int step = 0; step < STEPS; step++) {
                    losses.add(step(trainer, c));
                }
            }
        }
        return losses;
    }

    private static float step(Trainer trainer, Case c) {
        try (NDManager scope = trainer.getManager().newSubManager();
                GradientCollector collector = trainer.newGradientCollector()) {
            long[] ids = new long[4 * TOKENS];
            for (int i = 0; i < ids.length; i++) {
                ids[i] = 7 * i % VOCABULARY;
            }
            NDArray inputs = scope.create(ids, new Shape(4, TOKENS));
            NDArray labels = c.labelPerToken ? inputs : scope.create(new long[] {0, 1, 1, 0});
            NDArray loss =
                    trainer.getLoss()
                            .evaluate(new NDList(labels), trainer.forward(new NDList(inputs)));
            collector.backward(loss);
            trainer.step();
            return loss.getFloat();
        }
    }

    @ParameterizedTest
    @MethodSource("cases")
    void learnsAlike(Case c) {
        List<Float> expected = train(c, DataType.FLOAT32, false);
        assertTrue(expected.get(STEPS - 1) < expected.get(0), expected.toString());
        assertClose(expected, train(c, DataType.FLOAT32, true), 1e-5);
        assertClose(expected, train(c, DataType.BFLOAT16, false), 3e-2);
        assertClose(expected, train(c, DataType.BFLOAT16, true), 3e-2);
        assertClose(expected, train(c, DataType.FLOAT16, false), 3e-2);
    }

    private static void assertClose(List<Float> expected, List<Float> actual, double tolerance) {
        for (int step = 0; step < STEPS; step++) {
            assertEquals(1, actual.get(step) / expected.get(step), tolerance, "step " + step);
        }
    }
}
