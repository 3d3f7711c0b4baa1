package org.djlflash.autograd;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.ndarray.NDArray;
import ai.djl.training.GradientCollector;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.djlflash.testkit.JavaAttentionKernels;
import org.junit.jupiter.api.Test;

/** Installing and removing kernels, and calling them from many threads. */
class AttentionRegistrationTest {

    @Test
    void theSameKernelsAreInstalledOnce() {
        AttentionKernels kernels = new JavaAttentionKernels();
        try (AttentionRegistration first = AttentionRegistration.install("CPU", kernels)) {
            assertSame(first, AttentionRegistration.install("CPU", kernels));
            assertWorks();
        }
    }

    @Test
    void otherKernelsAreRefusedUntilTheFirstAreClosed() {
        AttentionKernels kernels = new JavaAttentionKernels();
        AttentionKernels others = new JavaAttentionKernels();
        AttentionRegistration first = AttentionRegistration.install("CPU", kernels);
        IllegalStateException e =
                assertThrows(
                        IllegalStateException.class,
                        () -> AttentionRegistration.install("CPU", others));
        assertTrue(e.getMessage().contains("CPU"), e.getMessage());
        assertWorks();
        first.close();
        try (AttentionRegistration second = AttentionRegistration.install("CPU", others)) {
            assertNotSame(first, second);
            first.close();
            assertWorks();
        }
    }

    @Test
    void callbacksSurviveTheCollector() {
        try (AttentionRegistration registration =
                AttentionRegistration.install("CPU", new JavaAttentionKernels())) {
            for (int i = 0; i < 30; i++) {
                System.gc();
                assertWorks();
            }
            assertTrue(registration.takeBackwardFailure().isEmpty());
        }
    }

    @Test
    void backwardMayRunOnAnotherThread() throws Exception {
        try (AttentionRegistration registration =
                        AttentionRegistration.install("CPU", new JavaAttentionKernels());
                AttentionProblem problem = AttentionProblem.trained(AttentionProblem.SMALL, 1);
                GradientCollector collector = AttentionProblem.collector()) {
            NDArray loss = problem.loss();
            onThreads(
                    1,
                    () -> {
                        collector.backward(loss);
                        return null;
                    });
            problem.assertGradients();
            assertTrue(registration.takeBackwardFailure().isEmpty());
        }
    }

    @Test
    void manyThreadsCallAtOnce() throws Exception {
        AttentionRegistration registration =
                AttentionRegistration.install("CPU", new JavaAttentionKernels());
        try {
            List<Integer> right =
                    onThreads(
                            8,
                            () -> {
                                int count = 0;
                                long seed = Thread.currentThread().getId();
                                AttentionProblem.Sizes sizes =
                                        new AttentionProblem.Sizes(1, 2, 1, 2, 3, 4, true);
                                try (AttentionProblem problem = new AttentionProblem(sizes, seed)) {
                                    for (int i = 0; i < 2000; i++) {
                                        try (NDArray output = problem.attend()) {
                                            problem.assertOutput(output);
                                            count++;
                                        }
                                    }
                                }
                                return count;
                            });
            assertEquals(16_000, right.stream().mapToInt(Integer::intValue).sum());
        } finally {
            registration.close();
        }
    }

    private static void assertWorks() {
        try (AttentionProblem problem = AttentionProblem.trained(AttentionProblem.SMALL, 2)) {
            problem.step();
            problem.assertGradients();
        }
    }

    private static <T> List<T> onThreads(int threads, Callable<T> task) throws Exception {
        ExecutorService executor = Executors.newFixedThreadPool(threads);
        try {
            List<T> results = new ArrayList<>();
            for (Future<T> future : executor.invokeAll(Collections.nCopies(threads, task))) {
                results.add(future.get());
            }
            return results;
        } finally {
            executor.shutdown();
        }
    }
}
