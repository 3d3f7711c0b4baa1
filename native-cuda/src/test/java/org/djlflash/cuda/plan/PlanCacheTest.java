package org.djlflash.cuda.plan;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class PlanCacheTest {

    private final List<AttentionPlan> prepared = new ArrayList<>();
    private final PlanCache cache = new PlanCache(PlanFixtures.H200, prepared::add);

    @Test
    void plansAsThePlannerDoes() {
        AttentionProblem problem = withKeys(300);
        assertEquals(AttentionPlanner.plan(problem, PlanFixtures.H200), cache.plan(problem));
    }

    @Test
    void keepsThePlanOfAnEqualProblem() {
        assertTrue(cache.unsupportedReasons(withKeys(300)).isEmpty());
        assertSame(cache.plan(withKeys(300)), cache.plan(withKeys(300)));
        assertNotSame(cache.plan(withKeys(300)), cache.plan(withKeys(301)));
        assertEquals(List.of(cache.plan(withKeys(300)), cache.plan(withKeys(301))), prepared);
    }

    @Test
    void keepsNoPlanThatCannotBePrepared() {
        IllegalStateException failure = new IllegalStateException("no compiler");
        List<AttentionPlan> asked = new ArrayList<>();
        PlanCache failing =
                new PlanCache(
                        PlanFixtures.H200,
                        plan -> {
                            asked.add(plan);
                            throw failure;
                        });
        for (int i = 1; i <= 2; i++) {
            assertSame(
                    failure,
                    assertThrows(
                            IllegalStateException.class,
                            () -> failing.unsupportedReasons(withKeys(300))));
            assertEquals(i, asked.size());
        }
    }

    @Test
    void forgetsThePlansUsedLongestAgo() {
        AttentionPlan first = cache.plan(withKeys(1));
        AttentionPlan second = cache.plan(withKeys(2));
        for (int keys = 3; keys <= 1024; keys++) {
            cache.plan(withKeys(keys));
        }
        assertSame(first, cache.plan(withKeys(1)));
        cache.plan(withKeys(1025));
        assertSame(first, cache.plan(withKeys(1)));
        assertNotSame(second, cache.plan(withKeys(2)));
    }

    @Test
    void asksAgainForWhatIsUnsupported() {
        AttentionProblem problem = withKeys(0);
        assertFalse(cache.unsupportedReasons(problem).isEmpty());
        assertEquals(
                AttentionPlanner.unsupportedReasons(problem, PlanFixtures.H200),
                cache.unsupportedReasons(problem));
        assertThrows(IllegalArgumentException.class, () -> cache.plan(problem));
    }

    private static AttentionProblem withKeys(int keys) {
        return AttentionProblem.of(ElementType.FP16, new AttentionShape(1, 4, 2, 1, keys, 64));
    }
}
