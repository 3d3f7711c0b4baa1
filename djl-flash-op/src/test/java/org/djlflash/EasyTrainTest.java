package org.djlflash;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.Device;
import ai.djl.Model;
import ai.djl.engine.Engine;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.AbstractBlock;
import ai.djl.nn.Parameter;
import ai.djl.nn.core.Linear;
import ai.djl.training.DefaultTrainingConfig;
import ai.djl.training.EasyTrain;
import ai.djl.training.ParameterStore;
import ai.djl.training.Trainer;
import ai.djl.training.dataset.Batch;
import ai.djl.training.listener.TrainingListenerAdapter;
import ai.djl.training.loss.Loss;
import ai.djl.training.optimizer.Optimizer;
import ai.djl.training.tracker.Tracker;
import ai.djl.translate.Batchifier;
import ai.djl.util.Pair;
import ai.djl.util.PairList;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.djlflash.testkit.Closeness;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** A block that attends is trained by DJL like any other. */
class EasyTrainTest {

    private static final int BATCH = 4;
    private static final int TOKENS = 5;
    private static final int HEADS = 2;
    private static final int SIZE = 8;
    private static final int STEPS = 12;

    /** Self-attention with one projection to queries, keys and values. */
    private static final class SelfAttention extends AbstractBlock {

        private final Linear projection;
        private final AttentionOptions options;
        private final AtomicInteger calls = new AtomicInteger();

        SelfAttention(AttentionOptions options) {
            this.options = options;
            projection = addChildBlock("qkv", Linear.builder().setUnits(3 * SIZE).build());
        }

        @Override
        protected NDList forwardInternal(
                ParameterStore parameters,
                NDList inputs,
                boolean training,
                PairList<String, Object> params) {
            calls.incrementAndGet();
            NDList parts =
                    projection
                            .forward(parameters, inputs, training)
                            .singletonOrThrow()
                            .reshape(BATCH, TOKENS, 3 * HEADS, SIZE / HEADS)
                            .split(3, 2);
            NDArray output =
                    FlashAttention.attend(parts.get(0), parts.get(1), parts.get(2), options);
            return new NDList(output.reshape(BATCH, TOKENS, SIZE));
        }

        @Override
        public Shape[] getOutputShapes(Shape[] inputShapes) {
            return inputShapes;
        }

        @Override
        protected void initializeChildBlocks(
                NDManager manager, DataType dataType, Shape... inputShapes) {
            projection.initialize(manager, dataType, inputShapes);
        }
    }

    @ParameterizedTest
    @EnumSource(value = Backend.class, names = "CUDA", mode = EnumSource.Mode.EXCLUDE)
    void lossFalls(Backend backend) {
        List<Float> losses = new ArrayList<>();
        SelfAttention block = new SelfAttention(options(backend));
        train(block, losses, new ArrayList<>());
        assertEquals(STEPS, losses.size());
        assertEquals(STEPS, block.calls.get());
        assertTrue(losses.get(STEPS - 1) < 0.7 * losses.get(0), () -> "losses " + losses);
    }

    @Test
    void gradientsAreThoseOfTheReference() {
        List<double[]> expected = new ArrayList<>();
        List<double[]> actual = new ArrayList<>();
        train(new SelfAttention(options(Backend.REFERENCE)), new ArrayList<>(), expected);
        train(new SelfAttention(options(Backend.TORCH_SDPA)), new ArrayList<>(), actual);
        assertEquals(2, expected.size());
        assertEquals(2, actual.size());
        for (int i = 0; i < expected.size(); i++) {
            Closeness.assertClose("gradient " + i, expected.get(i), actual.get(i), 1e-5);
            assertTrue(Arrays.stream(expected.get(i)).anyMatch(g -> g != 0));
        }
    }

    private static AttentionOptions options(Backend backend) {
        return AttentionOptions.builder()
                .optLayout(AttentionLayout.BTNH)
                .optCausal(true)
                .optKeyLengths(TOKENS, 2, TOKENS, 1)
                .optBackend(backend)
                .build();
    }

    /** Trains on one batch again and again; keeps the gradients of the first step. */
    private static void train(SelfAttention block, List<Float> losses, List<double[]> gradients) {
        Engine.getEngine("PyTorch").setRandomSeed(1);
        DefaultTrainingConfig config =
                new DefaultTrainingConfig(Loss.l2Loss())
                        .optDevices(new Device[] {Device.cpu()})
                        .optOptimizer(
                                Optimizer.adam()
                                        .optLearningRateTracker(Tracker.fixed(0.05f))
                                        .build())
                        .addTrainingListeners(
                                new TrainingListenerAdapter() {
                                    @Override
                                    public void onTrainingBatch(Trainer trainer, BatchData data) {
                                        NDList labels = data.getLabels().get(Device.cpu());
                                        NDList outputs = data.getPredictions().get(Device.cpu());
                                        losses.add(
                                                Loss.l2Loss().evaluate(labels, outputs).getFloat());
                                    }
                                });
        try (Model model = Model.newInstance("self-attention", Device.cpu(), "PyTorch")) {
            model.setBlock(block);
            try (Trainer trainer = model.newTrainer(config)) {
                trainer.initialize(new Shape(BATCH, TOKENS, SIZE));
                for (int step = 0; step < STEPS; step++) {
                    try (Batch batch = batch(trainer.getManager().newSubManager())) {
                        EasyTrain.trainBatch(trainer, batch);
                        for (Pair<String, Parameter> pair : block.getParameters()) {
                            if (step == 0) {
                                NDArray gradient = pair.getValue().getArray().getGradient();
                                gradients.add(Closeness.toDoubles(gradient));
                            }
                        }
                        trainer.step();
                    }
                }
            }
        }
    }

    private static Batch batch(NDManager manager) {
        NDArray data = Fixtures.gaussian(manager, 2, BATCH, TOKENS, SIZE);
        NDArray labels = Fixtures.gaussian(manager, 3, BATCH, 1, SIZE);
        return new Batch(
                manager,
                new NDList(data),
                new NDList(labels.broadcast(BATCH, TOKENS, SIZE)),
                BATCH,
                Batchifier.STACK,
                Batchifier.STACK,
                0,
                0);
    }
}
