package org.djlflash;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.Device;
import ai.djl.engine.Engine;
import ai.djl.engine.EngineException;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.training.GradientCollector;
import java.nio.file.Path;
import java.util.Optional;
import java.util.function.Supplier;
import org.djlflash.cuda.config.CudaSetting;
import org.djlflash.testkit.ChildCases;

/** What may be missing: each makes one exception that says so, and the next call is right. */
enum CudaFault implements ChildCases.Case {
    /**
     * The first case, while no compiler is known yet. Who does not insist on our kernels is served.
     */
    NO_COMPILER {
        @Override
        void meet() {
            String nowhere = Path.of("nowhere").toAbsolutePath().toString();
            System.setProperty(CudaSetting.NVRTC.property(), nowhere);
            try (NDManager manager = manager()) {
                NDArray query = manager.zeros(NOT_IN_THE_JAR, DataType.FLOAT16);
                NDArray leaf = Fixtures.leaf(query.duplicate());
                assertNames(
                        nowhere,
                        assertThrows(
                                UnsupportedOperationException.class,
                                () -> FlashAttention.attend(query, query, query, CUDA)));
                assertEquals(
                        Optional.of(Backend.TORCH_SDPA),
                        FlashAttention.explain(leaf, query, query, AttentionOptions.defaults())
                                .chosen());
                backward(() -> FlashAttention.attend(leaf, query, query).sum());
                assertEquals(leaf.getShape(), leaf.getGradient().getShape());
            } finally {
                System.clearProperty(CudaSetting.NVRTC.property());
            }
        }

        private void assertNames(String nowhere, Exception e) {
            assertTrue(e.getMessage().contains("is not in the jar"), e::getMessage);
            assertTrue(e.getMessage().contains(CudaSetting.NVRTC.property()), e::getMessage);
            assertTrue(e.getMessage().contains(nowhere), e::getMessage);
        }
    },
    /** The reasons of our kernels are all named; who does not insist on them is served. */
    NO_KERNEL_FITS {
        @Override
        void meet() {
            try (NDManager manager = manager()) {
                NDArray query =
                        Fixtures.leaf(manager.zeros(new Shape(1, 2, 4, 264), DataType.FLOAT16));
                NDArray mask = manager.ones(new Shape(4, 4), DataType.BOOLEAN);
                AttentionOptions any = AttentionOptions.builder().optMask(mask).build();
                AttentionOptions ours =
                        AttentionOptions.builder().optMask(mask).optBackend(Backend.CUDA).build();
                String message =
                        assertThrows(
                                        UnsupportedOperationException.class,
                                        () ->
                                                backward(
                                                        () ->
                                                                FlashAttention.attend(
                                                                                query, query, query,
                                                                                ours)
                                                                        .sum()))
                                .getMessage();
                for (String reason : REASONS) {
                    assertTrue(message.contains(reason), message);
                }
                backward(
                        () -> {
                            assertEquals(
                                    Optional.of(Backend.TORCH_SDPA),
                                    FlashAttention.explain(query, query, query, any).chosen());
                            return FlashAttention.attend(query, query, query, any).sum();
                        });
                assertEquals(query.getShape(), query.getGradient().getShape());
            }
        }
    },
    FORWARD_OUT_OF_MEMORY {
        @Override
        void meet() {
            try (NDManager manager = manager()) {
                // Half a terabyte of queries in one row of memory; only the output is too large.
                NDArray row = manager.zeros(new Shape(1, 1, 1, 64), DataType.FLOAT16);
                NDArray queries = row.broadcast(64, 64, 1 << 20, 64);
                NDArray keys = row.broadcast(64, 64, 1, 64);
                EngineException e =
                        assertThrows(
                                EngineException.class,
                                () -> FlashAttention.attend(queries, keys, keys, CUDA));
                assertTrue(e.getMessage().contains("FLOAT16 [64, 64, 1048576, 64]"), e::getMessage);
            }
        }
    },
    BACKWARD_OUT_OF_MEMORY {
        @Override
        void meet() {
            try (NDManager manager = manager()) {
                NDArray query =
                        Fixtures.leaf(
                                manager.zeros(new Shape(1, 8, 1 << 16, 64), DataType.FLOAT16));
                NDArray key = manager.zeros(new Shape(1, 8, 64, 64), DataType.FLOAT16);
                NDManager fillers = manager.newSubManager();
                EngineException e =
                        assertThrows(
                                EngineException.class,
                                () ->
                                        backward(
                                                () -> {
                                                    NDArray loss =
                                                            FlashAttention.attend(
                                                                            query, key, key, CUDA)
                                                                    .sum();
                                                    fill(fillers);
                                                    return loss;
                                                }));
                assertTrue(e.getMessage().contains("FlashAttentionBackward"), e::getMessage);
            }
        }

        /** Leaves half of what the gradients of the queries need. */
        private void fill(NDManager manager) {
            for (long bytes = 1L << 33; bytes >= 1 << 25; bytes /= 2) {
                try {
                    while (true) {
                        manager.zeros(new Shape(bytes / 4), DataType.FLOAT32);
                    }
                } catch (EngineException full) {
                    continue;
                }
            }
        }
    };

    private static final AttentionOptions CUDA =
            AttentionOptions.builder().optBackend(Backend.CUDA).build();

    private static final String[] REASONS = {
        "There is a dense mask",
        "The head size is 264; multiples of 8 up to 256",
        "gradients are possible up to 128"
    };

    private static final Shape NOT_IN_THE_JAR = new Shape(1, 2, 4, 24);

    /** Meets the fault, and expects the exception. */
    abstract void meet();

    @Override
    public void run() {
        meet();
        AttendCases.check(
                AttendCases.of(
                        Backend.CUDA,
                        DataType.FLOAT16,
                        4,
                        2,
                        65,
                        65,
                        24,
                        CausalAlignment.BOTTOM_RIGHT,
                        null,
                        false,
                        false),
                Device.gpu());
    }

    private static NDManager manager() {
        return NDManager.newBaseManager(Device.gpu(), "PyTorch");
    }

    private static void backward(Supplier<NDArray> loss) {
        try (GradientCollector collector = Engine.getEngine("PyTorch").newGradientCollector()) {
            collector.backward(loss.get());
        }
    }
}
