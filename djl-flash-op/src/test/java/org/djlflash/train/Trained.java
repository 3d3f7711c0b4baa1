package org.djlflash.train;

import ai.djl.Model;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Block;
import ai.djl.nn.Parameter;
import ai.djl.training.DefaultTrainingConfig;
import ai.djl.training.GradientCollector;
import ai.djl.training.Trainer;
import ai.djl.training.loss.Loss;
import ai.djl.training.optimizer.Optimizer;
import ai.djl.util.Pair;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.function.BiFunction;
import java.util.function.UnaryOperator;
import org.djlflash.nn.FlashTransformerEncoderBlock;

/** A small encoder trained for some steps on fixed random data: its losses and its weights. */
record Trained(
        List<Float> losses,
        List<float[]> weights,
        float[] statistics,
        MixedPrecisionTrainer trainer) {

    static final int SIZE = 32;
    private static final int TOKENS = 8;
    private static final int ROWS = 8;

    /** Makes a trainer; DJL's own is one too. */
    interface Maker extends BiFunction<Model, DefaultTrainingConfig, Trainer> {}

    static Maker mixed(UnaryOperator<MixedPrecision.Builder> settings) {
        return (model, config) ->
                settings.apply(MixedPrecision.builder()).build().newTrainer(model, config);
    }

    /**
     * Trains.
     *
     * @param batches how many batches the data is cut into; each is a step
     */
    static Trained run(NDManager manager, Maker maker, Optimizer optimizer, int rounds, int batches)
            throws Exception {
        return run(manager, maker, optimizer, rounds, batches, 0);
    }

    static Trained run(
            NDManager manager,
            Maker maker,
            Optimizer optimizer,
            int rounds,
            int batches,
            float dropout)
            throws Exception {
        DefaultTrainingConfig config =
                new DefaultTrainingConfig(Loss.l2Loss())
                        .optDevices(new ai.djl.Device[] {manager.getDevice()})
                        .optOptimizer(optimizer);
        List<Float> losses = new ArrayList<>();
        try (Model model = Model.newInstance("encoder", manager.getDevice(), "PyTorch")) {
            Block block =
                    FlashTransformerEncoderBlock.builder()
                            .setEmbeddingSize(SIZE)
                            .setHeadCount(2)
                            .setHiddenSize(2 * SIZE)
                            .optDropoutProbability(dropout)
                            .build();
            model.setBlock(block);
            Shape shape = new Shape(ROWS / batches, TOKENS, SIZE);
            block.initialize(model.getNDManager(), DataType.FLOAT32, shape);
            fill(block);
            try (Trainer trainer = maker.apply(model, config)) {
                trainer.initialize(shape);
                try (NDManager data = manager.newSubManager()) {
                    NDArray x = normal(data, 1);
                    NDArray y = normal(data, 2);
                    for (int i = 0; i < rounds * batches; i++) {
                        String rows =
                                String.format(
                                        "%d:%d",
                                        first(i, batches), first(i, batches) + ROWS / batches);
                        try (GradientCollector collector = trainer.newGradientCollector()) {
                            NDList out = trainer.forward(new NDList(x.get(rows)));
                            NDArray loss = trainer.getLoss().evaluate(new NDList(y.get(rows)), out);
                            losses.add(loss.getFloat());
                            collector.backward(loss);
                        }
                        trainer.step();
                    }
                }
                List<float[]> weights = new ArrayList<>();
                float[] statistics = {};
                for (Pair<String, Parameter> named : block.getParameters()) {
                    // Not the norms' statistics: forward changes those.
                    if (named.getValue().requiresGradient()) {
                        weights.add(named.getValue().getArray().toFloatArray());
                    } else {
                        statistics = named.getValue().getArray().toFloatArray();
                    }
                }
                return new Trained(
                        losses,
                        weights,
                        statistics,
                        trainer instanceof MixedPrecisionTrainer
                                ? (MixedPrecisionTrainer) trainer
                                : null);
            }
        }
    }

    private static int first(int step, int batches) {
        return step % batches * (ROWS / batches);
    }

    private static NDArray normal(NDManager manager, long seed) {
        return manager.create(numbers(seed, ROWS * TOKENS * SIZE), new Shape(ROWS, TOKENS, SIZE));
    }

    private static float[] numbers(long seed, int count) {
        Random random = new Random(seed);
        float[] numbers = new float[count];
        for (int i = 0; i < count; i++) {
            numbers[i] = (float) random.nextGaussian();
        }
        return numbers;
    }

    /** The same weights in every run, whatever engine's generator has been used before. */
    private static void fill(Block block) {
        long seed = 3;
        for (Pair<String, Parameter> named : block.getParameters()) {
            Parameter parameter = named.getValue();
            if (parameter.getType() == Parameter.Type.WEIGHT) {
                float[] values = numbers(seed++, (int) parameter.getShape().size());
                for (int i = 0; i < values.length; i++) {
                    values[i] *= 0.2f;
                }
                parameter.getArray().set(values);
            }
        }
    }

    /** The largest relative distance of two loss curves. */
    static double distance(List<Float> expected, List<Float> actual) {
        double largest = 0;
        for (int i = 0; i < expected.size(); i++) {
            largest = Math.max(largest, Math.abs(actual.get(i) / expected.get(i) - 1));
        }
        return largest;
    }

    /** The largest distance of any weight. */
    double distance(Trained other) {
        double largest = 0;
        for (int i = 0; i < weights.size(); i++) {
            for (int j = 0; j < weights.get(i).length; j++) {
                largest = Math.max(largest, Math.abs(weights.get(i)[j] - other.weights.get(i)[j]));
            }
        }
        return largest;
    }
}
