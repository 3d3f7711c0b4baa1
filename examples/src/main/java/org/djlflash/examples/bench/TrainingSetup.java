package org.djlflash.examples.bench;

import ai.djl.Device;
import ai.djl.Model;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Activation;
import ai.djl.nn.Block;
import ai.djl.nn.SequentialBlock;
import ai.djl.nn.transformer.TransformerEncoderBlock;
import ai.djl.training.DefaultTrainingConfig;
import ai.djl.training.GradientCollector;
import ai.djl.training.Trainer;
import ai.djl.training.loss.Loss;
import ai.djl.training.optimizer.Optimizer;
import ai.djl.training.tracker.Tracker;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.djlflash.nn.FlashTransformerEncoderBlock;
import org.djlflash.torch.Tensor;
import org.djlflash.torch.TorchLibrary;
import org.djlflash.train.CrossEntropyLoss;
import org.djlflash.train.FusedAdamW;
import org.djlflash.train.MixedPrecision;
import org.djlflash.zoo.gpt2.Gpt2Block;

/**
 * A model in training, on a few random batches that come again and again: the same weights, batches
 * and learning rate for every variant. For one thread.
 */
final class TrainingSetup implements AutoCloseable {

    private static final int BATCHES = 4;
    private static final float LEARNING_RATE = 1e-4f;
    private static final int SEED = 7;

    private final Model model;
    private final Trainer trainer;
    private final NDManager data;
    private final List<NDList> inputs = new ArrayList<>();
    private final List<NDList> labels = new ArrayList<>();
    private int steps;

    TrainingSetup(TrainingCase c, TrainingVariant variant, Device device) {
        model = Model.newInstance("benchmark", device, TorchLibrary.ENGINE);
        data = model.getNDManager().newSubManager();
        try {
            trainer = trainer(c, variant, device);
        } catch (RuntimeException e) {
            // Most often memory is short, which the next variant needs.
            model.close();
            throw e;
        }
    }

    private Trainer trainer(TrainingCase c, TrainingVariant variant, Device device) {
        data.getEngine().setRandomSeed(SEED);
        model.setBlock(block(c, variant));
        DefaultTrainingConfig config =
                new DefaultTrainingConfig(loss(c, variant))
                        .optDevices(new Device[] {device})
                        .optOptimizer(optimizer(variant));
        Trainer created =
                variant.isDjl()
                        ? model.newTrainer(config)
                        : MixedPrecision.builder()
                                .optComputeType(variant.computeType())
                                .build()
                                .newTrainer(model, config);
        for (int i = 0; i < BATCHES; i++) {
            addBatch(c, variant, new Random(i));
        }
        created.initialize(inputs.get(0).stream().map(NDArray::getShape).toArray(Shape[]::new));
        return created;
    }

    private static Block block(TrainingCase c, TrainingVariant variant) {
        if (c.kind() == TrainingCase.Kind.GPT2) {
            return variant.isDjl() ? new DjlGpt2(c) : new Gpt2Block(c.gpt2());
        }
        SequentialBlock layers = new SequentialBlock();
        for (int i = 0; i < c.layers(); i++) {
            layers.add(
                    variant.isDjl()
                            ? new TransformerEncoderBlock(
                                    c.width(), c.heads(), c.inner(), c.dropout(), Activation::gelu)
                            : new FlashTransformerEncoderBlock(
                                    c.width(),
                                    c.heads(),
                                    c.inner(),
                                    c.dropout(),
                                    Activation::gelu));
        }
        return layers;
    }

    private static Loss loss(TrainingCase c, TrainingVariant variant) {
        if (c.kind() == TrainingCase.Kind.BERT) {
            return Loss.l2Loss();
        }
        return variant.isDjl() ? new FlattenedLoss() : new CrossEntropyLoss();
    }

    /** DJL's cross-entropy, which takes no sequences. */
    private static final class FlattenedLoss extends Loss {

        private final Loss loss = Loss.softmaxCrossEntropyLoss();

        FlattenedLoss() {
            super("loss");
        }

        @Override
        public NDArray evaluate(NDList labels, NDList predictions) {
            NDArray logits = predictions.singletonOrThrow();
            return loss.evaluate(
                    new NDList(labels.singletonOrThrow().flatten()),
                    new NDList(logits.reshape(-1, logits.getShape().get(2))));
        }
    }

    private static Optimizer optimizer(TrainingVariant variant) {
        Tracker rate = Tracker.fixed(LEARNING_RATE);
        return variant.isDjl()
                ? Optimizer.adam().optLearningRateTracker(rate).build()
                : FusedAdamW.builder().optLearningRateTracker(rate).optWeightDecays(0).build();
    }

    private void addBatch(TrainingCase c, TrainingVariant variant, Random random) {
        if (c.kind() == TrainingCase.Kind.BERT) {
            inputs.add(new NDList(normal(c, random)));
            labels.add(new NDList(normal(c, random)));
            return;
        }
        NDArray ids = ids(c, random);
        inputs.add(variant.isDjl() ? new NDList(ids, causalBias(c)) : new NDList(ids));
        labels.add(new NDList(ids(c, random)));
    }

    private NDArray normal(TrainingCase c, Random random) {
        float[] numbers = new float[c.batch() * c.tokens() * c.width()];
        for (int i = 0; i < numbers.length; i++) {
            numbers[i] = (float) random.nextGaussian();
        }
        return data.create(numbers, new Shape(c.batch(), c.tokens(), c.width()));
    }

    private NDArray ids(TrainingCase c, Random random) {
        long[] ids = random.longs((long) c.batch() * c.tokens(), 0, c.vocabulary()).toArray();
        return data.create(ids, new Shape(c.batch(), c.tokens()));
    }

    private NDArray causalBias(TrainingCase c) {
        float[] bias = new float[c.tokens() * c.tokens()];
        for (int i = 0; i < bias.length; i++) {
            bias[i] = i % c.tokens() > i / c.tokens() ? -100000f : 0;
        }
        return data.create(bias, new Shape(1, 1, c.tokens(), c.tokens()));
    }

    /** Makes a step; does not wait for the GPU unless DJL does. */
    void step() {
        step(false);
    }

    /** Makes a step and waits for its loss. */
    float stepLoss() {
        return step(true);
    }

    private float step(boolean wanted) {
        int batch = steps++ % BATCHES;
        float value = Float.NaN;
        // DJL's blocks leave what they compute with the manager of their inputs.
        try (NDManager scope = data.newSubManager()) {
            try (GradientCollector collector = trainer.newGradientCollector()) {
                NDList outputs = trainer.forward(on(scope, inputs.get(batch)));
                NDArray loss = trainer.getLoss().evaluate(on(scope, labels.get(batch)), outputs);
                collector.backward(loss);
                value = wanted ? loss.getFloat() : value;
            }
            trainer.step();
        }
        return value;
    }

    private static NDList on(NDManager scope, NDList arrays) {
        NDList aliases = new NDList();
        arrays.forEach(array -> aliases.add(Tensor.of(array).toArray(scope)));
        return aliases;
    }

    /** Waits for the GPU. */
    void await() {
        try (NDManager scope = data.newSubManager()) {
            scope.zeros(new Shape(1)).toFloatArray();
        }
    }

    @Override
    public void close() {
        trainer.close();
        model.close();
    }
}
