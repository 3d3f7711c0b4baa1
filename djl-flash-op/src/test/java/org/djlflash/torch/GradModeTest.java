package org.djlflash.torch;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.Device;
import ai.djl.engine.Engine;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.training.GradientCollector;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.djlflash.AttentionOptions;
import org.djlflash.FlashAttention;
import org.djlflash.kv.KvCache;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The recording of gradients, which is a thread's own. */
class GradModeTest {

    private NDManager manager;
    private NDArray parameter;

    @BeforeEach
    void open() {
        manager = NDManager.newBaseManager(Device.cpu(), TorchLibrary.ENGINE);
        parameter = manager.randomNormal(new Shape(1, 2, 3, 4));
        parameter.setRequiresGradient(true);
    }

    @AfterEach
    void close() {
        manager.close();
    }

    @Test
    void threadsThatDidNotStartTheEngineRecord() throws Exception {
        assertTrue(onNewThread(GradMode::isOn));
    }

    @Test
    void offRestoresWhatWas() throws Exception {
        onNewThread(
                () -> {
                    assertFalse(GradMode.off(GradMode::isOn));
                    assertTrue(GradMode.isOn());
                    assertFalse(
                            GradMode.off(
                                    () -> {
                                        assertFalse(GradMode.off(GradMode::isOn));
                                        return GradMode.isOn();
                                    }));
                    assertTrue(GradMode.isOn());
                    return null;
                });
    }

    @Test
    void offRestoresWhatWasWhenTheComputationFails() throws Exception {
        onNewThread(
                () -> {
                    Error planted = new StackOverflowError("planted");
                    Error thrown =
                            assertThrows(
                                    StackOverflowError.class,
                                    () ->
                                            GradMode.off(
                                                    () -> {
                                                        throw planted;
                                                    }));
                    assertEquals(planted, thrown);
                    assertTrue(GradMode.isOn());
                    return null;
                });
    }

    @Test
    void offIsOneThreadsAlone() throws Exception {
        ExecutorService other = Executors.newSingleThreadExecutor();
        try {
            assertTrue(GradMode.off(() -> other.submit(GradMode::isOn)).get());
        } finally {
            other.shutdown();
        }
    }

    @Test
    void parametersAndWhatComesFromThemAreRecorded() {
        NDArray constant = manager.ones(new Shape(2));
        NDArray numbers = manager.ones(new Shape(2), DataType.INT32);
        try (GradientCollector collector = collector()) {
            NDArray computed = parameter.mul(2);
            assertTrue(GradMode.isRecorded(parameter));
            assertTrue(GradMode.isRecorded(computed));
            assertTrue(GradMode.isRecorded(computed.reshape(6, 4)));
            assertFalse(GradMode.isRecorded(constant));
            assertFalse(GradMode.isRecorded(constant.mul(2)));
            assertFalse(GradMode.isRecorded(numbers));
            assertFalse(GradMode.isRecorded(computed.stopGradient()));
            assertFalse(GradMode.off(() -> GradMode.isRecorded(parameter)));
            assertFalse(GradMode.off(() -> GradMode.isRecorded(computed)));
            assertFalse(GradMode.isRecorded(GradMode.off(() -> parameter.mul(2))));
            collector.backward(computed.sum());
            computed.close();
            assertThrows(IllegalStateException.class, () -> GradMode.isRecorded(computed));
        }
    }

    /**
     * DJL has one collector per process. Its constructor switches the recording on before it
     * refuses, so a thread that was refused records until somebody switches it off.
     */
    @Test
    void aSecondCollectorIsRefused() throws Exception {
        GradMode.off(
                () -> {
                    try (GradientCollector collector = collector()) {
                        assertThrows(IllegalStateException.class, GradModeTest::collector);
                        assertTrue(GradMode.isOn());
                        collector.backward(parameter.mul(3).sum());
                    }
                    assertFalse(GradMode.isOn());
                    return null;
                });
        assertArrayEquals(
                manager.full(parameter.getShape(), 3f).toFloatArray(),
                parameter.getGradient().toFloatArray());
        try (GradientCollector first = collector()) {
            onNewThread(
                    () ->
                            GradMode.off(
                                    () -> {
                                        assertThrows(
                                                IllegalStateException.class,
                                                GradModeTest::collector);
                                        return null;
                                    }));
            first.backward(parameter.sum());
        }
        try (GradientCollector next = collector()) {
            next.backward(parameter.sum());
        }
    }

    @Test
    void attentionOnWorkerThreadsKeepsNoGraphWhenNothingIsRecorded() throws Exception {
        onNewThread(
                () -> {
                    NDArray recorded = FlashAttention.attend(parameter, parameter, parameter);
                    assertTrue(GradMode.isRecorded(recorded));
                    NDArray output =
                            GradMode.off(
                                    () -> FlashAttention.attend(parameter, parameter, parameter));
                    assertFalse(GradMode.isRecorded(output));
                    return null;
                });
    }

    @Test
    void decodingOnWorkerThreadsKeepsNoGraph() throws Exception {
        onNewThread(
                () -> {
                    try (KvCache cache =
                            KvCache.builder()
                                    .setBatchSize(1)
                                    .setHeads(2)
                                    .setHeadSize(4)
                                    .setCapacity(8)
                                    .build(manager)) {
                        NDArray output =
                                FlashAttention.decode(
                                        parameter,
                                        parameter,
                                        parameter,
                                        cache,
                                        AttentionOptions.defaults());
                        assertFalse(GradMode.isRecorded(output));
                    }
                    assertTrue(GradMode.isOn());
                    return null;
                });
    }

    private static GradientCollector collector() {
        return Engine.getEngine(TorchLibrary.ENGINE).newGradientCollector();
    }

    private static <T> T onNewThread(Callable<T> task) throws Exception {
        ExecutorService executor = Executors.newSingleThreadExecutor();
        try {
            return executor.submit(task).get();
        } finally {
            executor.shutdown();
        }
    }
}
