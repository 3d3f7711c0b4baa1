package org.djlflash.cuda.plan;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.djlflash.cuda.config.CudaSetting;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class Sm90DecodeTest {

    @BeforeEach
    void ask() {
        System.setProperty(CudaSetting.HOPPER_DECODE.property(), "true");
    }

    @AfterEach
    void clear() {
        System.clearProperty(CudaSetting.HOPPER_DECODE.property());
    }

    @ParameterizedTest
    @CsvSource({
        // batch, keys: 2 key heads each
        "256, 256, 1, 132",
        "64, 1024, 1, 132",
        "60, 1024, 1, 132",
        "59, 1024, 2, 66",
        "32, 2048, 2, 66",
        "1, 65536, 2, 66",
        "1, 1, 2, 66"
    })
    void aBlockAMultiprocessorAndNoMoreThanTwoForARange(
            int batch, int keys, int cluster, int ranges) {
        Sm90Decode decode = decode(PlanFixtures.decode(batch, keys, 128));
        assertEquals(cluster, decode.cluster());
        assertEquals(ranges, decode.ranges());
        assertEquals(0, decode.splits());
    }

    @ParameterizedTest
    @CsvSource({"1, 1, 1", "2, 2, 1", "3, 1, 3", "16, 2, 8", "17, 1, 17", "512, 2, 256"})
    void aFixedNumberOfSplitsIsKeptWhateverTheBatch(int splits, int cluster, int rangesOfGroup) {
        for (int batch : new int[] {1, 12, 300}) {
            Sm90Decode decode = decode(PlanFixtures.decode(batch, 4096, 128).withSplits(splits));
            assertEquals(cluster, decode.cluster());
            assertEquals(rangesOfGroup, decode.splits());
            assertEquals(2L * batch * rangesOfGroup, decode.ranges());
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {64, 96, 128, 256})
    void fitsTheGpuWithEnoughOnItsWay(int headSize) {
        for (int heads : new int[] {1, 8, 9, 17, 64}) {
            for (int batch : new int[] {1, 256}) {
                AttentionShape shape = new AttentionShape(batch, heads, 1, 1, 4096, headSize);
                AttentionProblem problem =
                        AttentionProblem.of(ElementType.BF16, shape).withDecode(true);
                Sm90Decode decode = decode(problem);
                assertTrue(
                        decode.sharedBytes() <= PlanFixtures.H200.sharedMemoryPerBlock(),
                        decode::toString);
                assertTrue(decode.slots() * 128 * headSize >= 64 * 1024, decode::toString);
                assertTrue(decode.slots() * 128 * headSize <= 160 * 1024, decode::toString);
                assertEquals(0, decode.packed() % 8);
                assertTrue(decode.packed() >= Math.min(heads, 8), decode::toString);
            }
        }
    }

    @Test
    void scratchMemoryDependsNeitherOnKeysNorOnBatch() {
        long bytes = decode(PlanFixtures.decode(1, 1024, 128)).workspace().bytes();
        assertEquals(bytes, decode(PlanFixtures.decode(16, 131072, 128)).workspace().bytes());
        // 2 x 66 partial sums of 8 rows of 128 floats, their states, 132 tickets.
        assertEquals(2 * 66 * 8 * 128 * 4 + 8448 + 1280, bytes);
    }

    @Test
    void aBoxIsAPieceOfAPage() {
        Sm90Decode decode = decode(PlanFixtures.decode(1, 1024, 128));
        assertEquals(new TensorBox(64, 64, 2), decode.box(CacheLayout.CONTIGUOUS));
        assertEquals(new TensorBox(16, 64, 2), decode.box(new CacheLayout(false, 16, 9)));
        assertEquals(new TensorBox(64, 64, 2), decode.box(new CacheLayout(false, 256, 9)));
        assertEquals(
                new TensorBox(64, 32, 3),
                decode(PlanFixtures.decode(1, 1024, 96)).box(CacheLayout.CONTIGUOUS));
        assertEquals(
                new TensorBox(64, 64, 2),
                decode(PlanFixtures.decode(1, 1024, 256)).box(CacheLayout.CONTIGUOUS));
    }

    @Test
    void isPlannedOnHopperInOneLaunch() {
        AttentionProblem problem = PlanFixtures.decode(4, 4096, 128).withKeyLengths(true);
        AttentionPlan plan = AttentionPlanner.plan(problem, PlanFixtures.H200);
        assertEquals(1, plan.forward().size());
        KernelStep step = plan.forward().get(0);
        assertEquals("decode_sm90", step.variant().entry());
        assertEquals(132, step.blocks());
        assertTrue(step.overlaps());
        assertEquals(List.of(), AttentionPlanner.portableReasons(problem, PlanFixtures.H200));
    }

    @Test
    void leavesOtherHeadsStridesAndGpusToThePortableKernels() {
        AttentionProblem problem = PlanFixtures.decode(4, 4096, 128);
        AttentionProblem.Layouts layouts = problem.layouts();
        TensorLayout repeated = new TensorLayout(0, 0, 128, 1, true);
        AttentionProblem spread =
                problem.withLayouts(
                        new AttentionProblem.Layouts(
                                layouts.query(), repeated, layouts.value(), layouts.output()));
        for (AttentionProblem other : List.of(PlanFixtures.decode(4, 4096, 80), spread)) {
            assertEquals(1, AttentionPlanner.portableReasons(other, PlanFixtures.H200).size());
            assertEquals(
                    Sm80Planner.plan(other, PlanFixtures.H200),
                    AttentionPlanner.plan(other, PlanFixtures.H200));
        }
        assertEquals(1, AttentionPlanner.portableReasons(problem, PlanFixtures.A100).size());
    }

    @Test
    void isLeftToThePortableKernelsUnlessAskedFor() {
        clear();
        AttentionProblem problem = PlanFixtures.decode(4, 4096, 128);
        List<String> reasons = AttentionPlanner.portableReasons(problem, PlanFixtures.H200);
        assertEquals(1, reasons.size());
        assertTrue(
                reasons.get(0).contains(CudaSetting.HOPPER_DECODE.property()), reasons::toString);
    }

    @Test
    void moreTilesThan32BitsCountAreLeftToThePortableKernel() {
        AttentionShape shape = new AttentionShape(1 << 20, 64, 64, 1, 1 << 16, 64);
        AttentionProblem problem = AttentionProblem.of(ElementType.FP16, shape).withDecode(true);
        assertEquals(1, AttentionPlanner.portableReasons(problem, PlanFixtures.H200).size());
    }

    private static Sm90Decode decode(AttentionProblem problem) {
        return Sm90Decode.of(problem, PlanFixtures.H200);
    }
}
