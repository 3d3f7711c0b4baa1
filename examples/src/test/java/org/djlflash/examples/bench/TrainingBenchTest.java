package org.djlflash.examples.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.Device;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The models of the benchmark, tiny and on the CPU: they learn, and ours as DJL's does. */
class TrainingBenchTest {

    private static final int STEPS = 12;

    private static final TrainingCase ENCODER =
            new TrainingCase(TrainingCase.Kind.BERT, 2, 16, 2, 32, 0, 2, 6, 0);
    private static final TrainingCase GPT2 =
            new TrainingCase(TrainingCase.Kind.GPT2, 2, 16, 2, 32, 40, 2, 6, 0);

    private final TrainingBench bench = new TrainingBench(Device.cpu());

    @Test
    void encodersLearnAlike() {
        List<Float> djl = bench.losses(ENCODER, TrainingVariant.DJL, STEPS);
        List<Float> ours = bench.losses(ENCODER, TrainingVariant.FLOAT32, STEPS);
        List<Float> mixed = bench.losses(ENCODER, TrainingVariant.BFLOAT16, STEPS);
        assertTrue(djl.get(STEPS - 1) < djl.get(STEPS - 5), "learns: " + djl);
        for (int i = 0; i < STEPS; i++) {
            assertEquals(1, ours.get(i) / djl.get(i), 1e-4, "step " + i);
            assertEquals(1, mixed.get(i) / djl.get(i), 2e-2, "step " + i);
        }
    }

    @Test
    void languageModelsLearn() {
        for (TrainingVariant variant : TrainingVariant.values()) {
            List<Float> losses = bench.losses(GPT2, variant, STEPS);
            assertEquals(Math.log(40), losses.get(0), 2, variant.toString());
            assertTrue(losses.get(STEPS - 1) < losses.get(STEPS - 5), variant + ": " + losses);
        }
    }
}
