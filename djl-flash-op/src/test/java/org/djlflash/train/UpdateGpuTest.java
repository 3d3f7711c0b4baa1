package org.djlflash.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.index.NDIndex;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.training.tracker.Tracker;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.djlflash.testkit.RequiresGpu;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The kernels of an update against DJL's operations on the CPU. */
@RequiresGpu
class UpdateGpuTest {

    /** Below, at and above the size of a chunk. */
    private static final long[] SIZES = {1, 33, 32767, 32768, 32769, 100_000};

    private final Random random = new Random(1);

    @Test
    void adamWIsThatOfTheCpu() {
        try (NDManager cpu = NDManager.newBaseManager(Device.cpu(), "PyTorch");
                NDManager gpu = NDManager.newBaseManager(Device.gpu(), "PyTorch")) {
            List<Gradient> onCpu = gradients(cpu);
            List<Gradient> onGpu = onCpu.stream().map(g -> copy(g, gpu)).toList();
            FusedAdamW expected = optimizer();
            FusedAdamW actual = optimizer();
            for (int step = 0; step < 5; step++) {
                for (int i = 0; i < SIZES.length; i++) {
                    float[] values = numbers(SIZES[i]);
                    onCpu.get(i).values().set(values);
                    // Written, not replaced: addresses must stay as they are.
                    try (NDArray fresh = gpu.create(values)) {
                        onGpu.get(i).values().set(new NDIndex(":"), fresh);
                    }
                }
                NDArray factor = UpdateMath.on(Device.gpu()).factor(onGpu, 0.5f, 3, gpu);
                float known = ArrayMath.INSTANCE.factor(onCpu, 0.5f, 3, cpu).getFloat();
                assertEquals(known, factor.getFloat(), 1e-5f * known, "step " + step);
                expected.update(onCpu, null, known);
                actual.update(onGpu, factor, 1);
            }
            for (int i = 0; i < SIZES.length; i++) {
                assertArrayEquals(
                        onCpu.get(i).weight().toFloatArray(),
                        onGpu.get(i).weight().toFloatArray(),
                        2e-6f,
                        "size " + SIZES[i]);
                assertArrayEquals(
                        new float[(int) SIZES[i]], onGpu.get(i).values().toFloatArray(), 0f);
            }
        }
    }

    @Test
    void whatIsNotFiniteChangesNothing() {
        try (NDManager gpu = NDManager.newBaseManager(Device.gpu(), "PyTorch")) {
            for (float bad : new float[] {Float.NaN, Float.POSITIVE_INFINITY}) {
                List<Gradient> gradients = gradients(gpu);
                NDArray last = gradients.get(SIZES.length - 1).values();
                last.set(new NDIndex("99999"), bad);
                float[] before = gradients.get(3).weight().toFloatArray();
                NDArray factor =
                        UpdateMath.on(Device.gpu())
                                .factor(gradients, 1, Float.POSITIVE_INFINITY, gpu);
                assertTrue(Float.isNaN(factor.getFloat()));
                optimizer().update(gradients, factor, 1);
                assertArrayEquals(before, gradients.get(3).weight().toFloatArray(), 0f);
                assertArrayEquals(new float[100_000], last.toFloatArray(), 0f);
            }
        }
    }

    @ParameterizedTest
    @EnumSource(
            value = DataType.class,
            names = {"FLOAT32", "BFLOAT16", "FLOAT16"})
    void encoderLearnsAsOnTheCpu(DataType type) throws Exception {
        Trained.Maker maker = Trained.mixed(s -> s.optComputeType(type).optClipNorm(1));
        try (NDManager cpu = NDManager.newBaseManager(Device.cpu(), "PyTorch");
                NDManager gpu = NDManager.newBaseManager(Device.gpu(), "PyTorch")) {
            Trained expected = Trained.run(cpu, maker, optimizer(), 12, 1);
            Trained actual = Trained.run(gpu, maker, optimizer(), 12, 1);
            double distance = Trained.distance(expected.losses(), actual.losses());
            assertTrue(distance < (type == DataType.FLOAT32 ? 1e-4 : 1e-2), "off by " + distance);
        }
    }

    private static FusedAdamW optimizer() {
        return FusedAdamW.builder().optLearningRateTracker(Tracker.fixed(0.01f)).build();
    }

    private List<Gradient> gradients(NDManager manager) {
        List<Gradient> gradients = new ArrayList<>();
        for (long size : SIZES) {
            NDArray weight = manager.create(numbers(size), new Shape(size));
            NDArray values = manager.create(numbers(size), new Shape(size));
            gradients.add(new Gradient("of size " + size, weight, values));
        }
        return gradients;
    }

    private static Gradient copy(Gradient gradient, NDManager manager) {
        return new Gradient(
                gradient.id(),
                manager.create(gradient.weight().toFloatArray()),
                manager.create(gradient.values().toFloatArray()));
    }

    private float[] numbers(long size) {
        float[] numbers = new float[(int) size];
        for (int i = 0; i < size; i++) {
            numbers[i] = (float) random.nextGaussian();
        }
        return numbers;
    }
}
