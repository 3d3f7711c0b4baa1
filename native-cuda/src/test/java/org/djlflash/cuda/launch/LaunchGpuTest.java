package org.djlflash.cuda.launch;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import org.djlflash.cuda.jit.CubinRefusedException;
import org.djlflash.cuda.plan.AttentionProblem;
import org.djlflash.cuda.plan.AttentionShape;
import org.djlflash.cuda.plan.ElementType;
import org.djlflash.cuda.plan.KernelStep;
import org.djlflash.cuda.plan.KernelVariant;
import org.djlflash.cuda.plan.Sm80Planner;
import org.djlflash.cuda.testkit.AttentionCase;
import org.djlflash.cuda.testkit.AttentionRun;
import org.djlflash.cuda.testkit.RequiresGpu;
import org.djlflash.cuda.testkit.TestGpu;
import org.junit.jupiter.api.Test;

/** What launching promises beside right numbers: errors, threads, time. */
@RequiresGpu
class LaunchGpuTest {

    private static final AttentionCase SMALL =
            new AttentionCase(
                    AttentionProblem.of(ElementType.FP16, new AttentionShape(2, 4, 2, 64, 64, 64)),
                    false,
                    null,
                    9);

    @Test
    void refusedLaunchIsOneExceptionWithThePlanAndTheNextLaunchWorks() {
        try (AttentionRun run = new AttentionRun(SMALL)) {
            KernelStep step = run.plan().forward().get(0);
            KernelStep tooManyThreads =
                    new KernelStep(step.variant(), step.blocks(), 4096, step.sharedBytes());
            KernelLauncher launcher = new KernelLauncher(TestGpu.device(), List.of());

            CudaException e =
                    assertThrows(
                            CudaException.class,
                            () ->
                                    launcher.launch(
                                            tooManyThreads,
                                            given ->
                                                    given.struct()
                                                            .dropoutMask(
                                                                    SMALL.problem(),
                                                                    Randomness.NONE,
                                                                    DevicePointer.NULL),
                                            CudaStream.DEFAULT,
                                            run.plan()));

            assertEquals("cuLaunchKernel", e.call());
            assertEquals("CUDA_ERROR_INVALID_VALUE", e.symbolicName());
            assertEquals(1, e.code());
            assertTrue(e.getMessage().contains(run.plan().toString()), e::getMessage);
            run.forward();
            assertEquals(0, run.read("output").damage());
        }
    }

    @Test
    void missingMemoryIsRefusedBeforeTheLaunch() {
        try (AttentionRun run = new AttentionRun(SMALL)) {
            ForwardArguments nothing =
                    new ForwardArguments(
                            TensorView.NONE,
                            TensorView.NONE,
                            TensorView.NONE,
                            TensorView.NONE,
                            TensorView.NONE,
                            DevicePointer.NULL,
                            DevicePointer.NULL,
                            CacheRows.NONE,
                            Randomness.NONE,
                            DevicePointer.NULL);

            IllegalArgumentException e =
                    assertThrows(
                            IllegalArgumentException.class,
                            () -> TestGpu.open().forward(run.plan(), nothing, CudaStream.DEFAULT));

            assertTrue(e.getMessage().startsWith("No memory for the query of "), e::getMessage);
        }
    }

    @Test
    void whatIsNoCubinIsRefusedByTheDriver() {
        KernelVariant variant =
                Sm80Planner.dropoutMask(SMALL.problem(), TestGpu.device()).variant();
        TestGpu.open();

        assertThrows(CubinRefusedException.class, () -> LoadedKernel.open(variant, new byte[1000]));
    }

    @Test
    void threadsLaunchTheSameResults() throws Exception {
        byte[] expected = output();
        ExecutorService threads = Executors.newFixedThreadPool(8);
        try {
            List<Future<byte[]>> results =
                    Stream.generate(() -> threads.submit(LaunchGpuTest::output)).limit(64).toList();
            for (Future<byte[]> result : results) {
                assertArrayEquals(expected, result.get());
            }
        } finally {
            threads.shutdown();
        }
    }

    private static byte[] output() {
        try (AttentionRun run = new AttentionRun(SMALL)) {
            run.forward();
            return run.read("output").memory();
        }
    }
}
