package org.djlflash.cuda.launch;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import org.djlflash.cuda.launch.CudaTimer.Mark;
import org.djlflash.cuda.plan.AttentionProblem;
import org.djlflash.cuda.plan.AttentionShape;
import org.djlflash.cuda.plan.ElementType;
import org.djlflash.cuda.plan.Sm80Planner;
import org.djlflash.cuda.testkit.AttentionCase;
import org.djlflash.cuda.testkit.GpuMemory;
import org.djlflash.cuda.testkit.RequiresGpu;
import org.djlflash.cuda.testkit.TestGpu;
import org.junit.jupiter.api.Test;

/** Marks in streams, captured graphs, and the driver's attributes. */
@RequiresGpu
class TimingGpuTest {

    private static final int ELEMENTS = 1 << 20;

    private static final AttentionProblem DROPOUT =
            AttentionProblem.of(ElementType.FP16, new AttentionShape(1, 1, 1, 1024, 1024, 64))
                    .withDropout(0.5);

    private static final AttentionCase CASE = new AttentionCase(DROPOUT, false, null, 1);

    /** A kernel that writes zeros and ones over memory that is full of 0xff. */
    private static void writeMask(GpuMemory memory, CudaStream stream) {
        TestGpu.open()
                .dropoutMask(
                        Sm80Planner.plan(CASE.problem(), TestGpu.device()),
                        Randomness.of(1, 2),
                        memory.address(),
                        stream);
    }

    private static byte[] read(GpuMemory memory) {
        byte[] bytes = new byte[ELEMENTS];
        memory.read(bytes);
        return bytes;
    }

    @Test
    void marksEncloseTheWorkOfTheGpu() {
        TestGpu.open();
        CudaTimer timer = new CudaTimer(TestGpu.device());
        try (GpuMemory memory = new GpuMemory(ELEMENTS);
                Mark start = timer.mark(CudaStream.DEFAULT)) {
            for (int i = 0; i < 100; i++) {
                writeMask(memory, CudaStream.DEFAULT);
            }
            try (Mark middle = timer.mark(CudaStream.DEFAULT)) {
                writeMask(memory, CudaStream.DEFAULT);
                try (Mark end = timer.mark(CudaStream.DEFAULT)) {
                    double all = start.millisecondsTo(end);
                    double first = start.millisecondsTo(middle);
                    assertTrue(0 < first && first <= all, first + " of " + all);
                    assertTrue(start.isReached() && end.isReached());
                }
            }
        }
    }

    @Test
    void graphsReplayWhatWasCaptured() {
        TestGpu.open();
        byte[] poison = new byte[ELEMENTS];
        Arrays.fill(poison, (byte) 0xff);
        try (GpuMemory wanted = new GpuMemory(ELEMENTS);
                GpuMemory memory = new GpuMemory(ELEMENTS);
                PrivateStream stream = new PrivateStream(TestGpu.device())) {
            writeMask(wanted, stream.stream());
            stream.synchronize();
            try (CudaGraph graph =
                    CudaGraph.capture(
                            TestGpu.device(),
                            stream.stream(),
                            () -> writeMask(memory, stream.stream()))) {
                stream.synchronize();
                assertArrayEquals(poison, read(memory));
                graph.launch(stream.stream());
                stream.synchronize();
                assertArrayEquals(read(wanted), read(memory));
            }
        }
    }

    @Test
    void aFailedCaptureLeavesTheStreamUsable() {
        TestGpu.open();
        try (PrivateStream stream = new PrivateStream(TestGpu.device());
                GpuMemory memory = new GpuMemory(ELEMENTS)) {
            IllegalStateException failure = new IllegalStateException("in the capture");
            IllegalStateException e =
                    assertThrows(
                            IllegalStateException.class,
                            () ->
                                    CudaGraph.capture(
                                            TestGpu.device(),
                                            stream.stream(),
                                            () -> {
                                                throw failure;
                                            }));
            assertEquals(failure, e);
            writeMask(memory, stream.stream());
            stream.synchronize();
            assertNotEquals((byte) 0xff, read(memory)[0]);
        }
    }

    @Test
    void theDefaultStreamCannotBeCaptured() {
        TestGpu.open();
        CudaException e =
                assertThrows(
                        CudaException.class,
                        () -> CudaGraph.capture(TestGpu.device(), CudaStream.DEFAULT, () -> {}));
        assertEquals("cuStreamBeginCapture", e.call());
    }

    @Test
    void whatIsClosedIsNotUsed() {
        TestGpu.open();
        PrivateStream stream = new PrivateStream(TestGpu.device());
        CudaStream handle = stream.stream();
        CudaGraph graph = CudaGraph.capture(TestGpu.device(), handle, () -> {});
        Mark mark = new CudaTimer(TestGpu.device()).mark(handle);
        for (int i = 0; i < 2; i++) {
            mark.close();
            graph.close();
            stream.close();
        }
        assertThrows(IllegalStateException.class, mark::isReached);
        assertThrows(IllegalStateException.class, () -> mark.millisecondsTo(mark));
        assertThrows(IllegalStateException.class, () -> graph.launch(CudaStream.DEFAULT));
        assertThrows(IllegalStateException.class, stream::stream);
        assertThrows(IllegalStateException.class, stream::synchronize);
    }

    @Test
    void ratesArePlausible() {
        GpuRates rates = GpuRates.of(TestGpu.device());
        assertTrue(rates.clockMegahertz() > 100 && rates.clockMegahertz() < 10_000, "" + rates);
        assertTrue(rates.memoryGigabytesPerSecond() > 10, "" + rates);
        assertTrue(rates.cacheBytes() >= 1 << 20, "" + rates);
    }
}
