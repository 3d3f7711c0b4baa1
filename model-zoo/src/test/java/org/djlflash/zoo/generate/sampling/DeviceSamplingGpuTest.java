package org.djlflash.zoo.generate.sampling;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import ai.djl.Device;
import ai.djl.engine.Engine;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.index.NDIndex;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.random.RandomGenerator;
import java.util.stream.IntStream;
import org.djlflash.step.ChoiceArrays;
import org.djlflash.step.DecodeStep;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Tokens that the GPU chooses, against those of the samplers in Java. */
@Tag("gpu")
class DeviceSamplingGpuTest {

    private static final List<SamplingOptions> OPTIONS =
            List.of(
                    SamplingOptions.greedy(),
                    options(0, 0, 1, 1.3),
                    options(1, 0, 1, 1),
                    options(0.7, 5, 1, 1),
                    options(0.8, 0, 0.9, 1),
                    options(1.5, 40, 0.5, 1.2),
                    options(1, 0, 0.01, 0.8),
                    options(1, 1000, 0.95, 1));

    private static final int[] HISTORY = {0, 1, 2, 3, 4, 5, 6};

    @BeforeAll
    static void needGpu() {
        Assumptions.assumeTrue(
                Engine.getEngine("PyTorch").getGpuCount() > 0, "PyTorch finds no GPU");
    }

    private static SamplingOptions options(
            double temperature, int topK, double topP, double penalty) {
        return SamplingOptions.builder()
                .optTemperature(temperature)
                .optTopK(topK)
                .optTopP(topP)
                .optRepetitionPenalty(penalty)
                .optSeed(11)
                .build();
    }

    @ParameterizedTest
    @ValueSource(ints = {7, 300, 50257, 128256})
    void choosesWhatJavaChooses(int vocabulary) {
        try (NDManager manager = NDManager.newBaseManager(Device.gpu(), "PyTorch")) {
            NDArray logits = logits(manager, vocabulary);
            int[] chosen = chosen(manager, logits, vocabulary);
            NDArray exact = logits.toType(DataType.FLOAT32, true).get(":, :" + vocabulary);
            List<Sampler> samplers = OPTIONS.stream().map(options -> options.newSampler()).toList();
            int[] expected =
                    IntStream.range(0, OPTIONS.size())
                            .map(
                                    row ->
                                            samplers.get(row)
                                                    .next(exact.get(row).toFloatArray(), HISTORY))
                            .toArray();
            assertArrayEquals(expected, chosen);
        }
    }

    @Test
    void saysThatNothingCanBeChosen() {
        try (NDManager manager = NDManager.newBaseManager(Device.gpu(), "PyTorch")) {
            for (float bad : new float[] {Float.NaN, Float.POSITIVE_INFINITY}) {
                NDArray logits = logits(manager, 300);
                logits.set(new NDIndex("3, 17"), bad);
                int[] chosen = chosen(manager, logits, 300);
                assertEquals(-1, chosen[3]);
                assertEquals(1, IntStream.of(chosen).filter(id -> id < 0).count());
            }
        }
    }

    private static NDArray logits(NDManager manager, int vocabulary) {
        Engine.getEngine("PyTorch").setRandomSeed(5);
        int pitch = (vocabulary + 7) / 8 * 8;
        return manager.randomNormal(0, 3, new Shape(OPTIONS.size(), pitch), DataType.FLOAT16);
    }

    private static int[] chosen(NDManager manager, NDArray logits, int vocabulary) {
        int rows = OPTIONS.size();
        int slots = 4;
        int length = 7;
        long[] rules = new long[4 * rows];
        double[] uniforms = new double[slots * rows];
        ByteBuffer seen = ByteBuffer.allocateDirect(rows * vocabulary);
        for (int row = 0; row < rows; row++) {
            SamplingOptions options = OPTIONS.get(row);
            long[] rule =
                    ChoiceArrays.rule(
                            options.temperature(),
                            options.topP(),
                            options.repetitionPenalty(),
                            options.topK());
            System.arraycopy(rule, 0, rules, 4 * row, 4);
            RandomGenerator random =
                    options.seed().isPresent()
                            ? options.newSampler().drawing().orElseThrow().random()
                            : new SplittableRandom();
            uniforms[length % slots * rows + row] = random.nextDouble();
            for (int token : HISTORY) {
                seen.put(row * vocabulary + token, (byte) 1);
            }
        }
        int[] lengths = new int[rows];
        Arrays.fill(lengths, length);
        ChoiceArrays choices =
                new ChoiceArrays(
                        manager.zeros(new Shape(rows), DataType.INT32),
                        manager.zeros(new Shape(slots, rows), DataType.INT32),
                        manager.create(lengths),
                        manager.create(rules, new Shape(rows, 4)),
                        manager.create(uniforms, new Shape(slots, rows)),
                        manager.create(seen, new Shape(rows, vocabulary), DataType.UINT8),
                        manager.zeros(new Shape(rows, vocabulary)));
        try (DecodeStep step =
                DecodeStep.builder(manager, rows).sample(logits, vocabulary, choices).build(true)) {
            step.run();
            int[] ids = choices.ids().toIntArray();
            assertArrayEquals(ids, choices.ring().get(length % slots).toIntArray());
            return ids;
        }
    }
}
