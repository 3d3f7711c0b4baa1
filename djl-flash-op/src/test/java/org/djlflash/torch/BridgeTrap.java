package org.djlflash.torch;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
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
import com.sun.jna.Native;
import com.sun.jna.Pointer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import java.util.function.Function;
import org.djlflash.testkit.ChildCases;

/** Where the bridge would end the JVM if it were not careful. */
enum BridgeTrap implements ChildCases.Case {
    RESULT_IS_AN_ARGUMENT {
        @Override
        void run(NDManager manager) {
            assertRefused(
                    manager,
                    in -> {
                        Tensor argument = in.tensor();
                        return List.of(argument, empty(), empty(), empty(), empty());
                    });
        }
    },
    TOO_FEW_RESULTS {
        @Override
        void run(NDManager manager) {
            assertRefused(manager, in -> List.of(empty(), empty()));
        }
    },
    TOO_MANY_RESULTS {
        @Override
        void run(NDManager manager) {
            assertRefused(
                    manager, in -> List.of(empty(), empty(), empty(), empty(), empty(), empty()));
        }
    },
    RESULT_IS_NULL {
        @Override
        void run(NDManager manager) {
            assertRefused(manager, in -> Arrays.asList(empty(), empty(), null, empty(), empty()));
        }
    },
    RESULT_IS_CLOSED {
        @Override
        void run(NDManager manager) {
            Tensor closed = empty();
            closed.close();
            assertRefused(manager, in -> List.of(closed, empty(), empty(), empty(), empty()));
        }
    },
    RESULTS_ARE_NULL {
        @Override
        void run(NDManager manager) {
            assertInstanceOf(NullPointerException.class, failure(manager, in -> null));
        }
    },
    RESULTS_ARE_ONE_TENSOR {
        @Override
        void run(NDManager manager) {
            Tensor result = empty();
            assertNull(failure(manager, in -> List.of(result, result, result, result, result)));
        }
    },
    MORE_ARGUMENTS_READ_THAN_GIVEN {
        @Override
        void run(NDManager manager) {
            assertInstanceOf(
                    UnsupportedOperationException.class,
                    failure(
                            manager,
                            in -> {
                                for (int i = 0; i < 3; i++) {
                                    assertTrue(in.tensor().isDefined());
                                }
                                for (int i = 3; i < 15; i++) {
                                    in.integer();
                                }
                                in.requireRestIsNone();
                                return List.of(in.tensor());
                            }));
        }
    },
    ARGUMENT_OF_A_NEWER_VERSION {
        @Override
        void run(NDManager manager) {
            UnsupportedOperationException e =
                    assertInstanceOf(
                            UnsupportedOperationException.class,
                            failure(
                                    manager,
                                    in -> {
                                        in.tensor();
                                        in.tensor();
                                        in.tensor();
                                        in.requireRestIsNone();
                                        return List.of();
                                    }));
            assertTrue(e.getMessage().contains("argument 5"), e.getMessage());
        }
    },
    FAILURE_REPORT_FAILS {
        @Override
        void run(NDManager manager) {
            try (OperatorLibrary library = OperatorLibrary.open("CPU")) {
                implement(
                        library,
                        in -> {
                            throw new IllegalStateException("planted");
                        },
                        cause -> {
                            throw new IllegalStateException("planted in the report");
                        });
                try (OperatorCall call = forward(manager);
                        Tensor result = call.invoke(5).take(0)) {
                    assertFalse(result.isDefined());
                }
            }
        }
    },
    TENSOR_USED_AFTER_CLOSE {
        @Override
        void run(NDManager manager) {
            Tensor closed = empty();
            closed.close();
            closed.close();
            Tensor open = empty();
            Tensor given = empty();
            given.toArray(manager);
            for (Tensor spent : List.of(closed, given)) {
                List<Consumer<Tensor>> uses =
                        List.of(
                                Tensor::sizes,
                                Tensor::strides,
                                Tensor::type,
                                Tensor::deviceIndex,
                                Tensor::address,
                                Tensor::hostPointer,
                                Tensor::isDefined,
                                Tensor::zero,
                                t -> t.copyFrom(open),
                                open::copyFrom,
                                t -> t.view(new long[1], new long[1], 0),
                                t -> Tensor.empty(ScalarType.FLOAT32, t, 1),
                                t -> t.toArray(manager),
                                t -> new OperatorCall("aten::relu", "").tensor(t));
                for (Consumer<Tensor> use : uses) {
                    assertThrows(IllegalStateException.class, () -> use.accept(spent));
                }
            }
        }
    },
    ARRAY_IS_CLOSED {
        @Override
        void run(NDManager manager) {
            NDArray closed = manager.ones(new Shape(2));
            closed.close();
            assertThrows(IllegalStateException.class, () -> Tensor.of(closed));
            assertThrows(
                    IllegalStateException.class,
                    () -> TorchOps.cast(closed, ScalarType.FLOAT16, manager));
            try (OperatorCall call = new OperatorCall("aten::relu", "")) {
                assertThrows(IllegalStateException.class, () -> call.tensor(closed));
                assertThrows(IllegalStateException.class, () -> call.optionalTensor(closed));
            }
        }
    },
    MANAGER_IS_CLOSED {
        @Override
        void run(NDManager manager) {
            NDManager closed = manager.newSubManager();
            closed.close();
            Tensor tensor = empty();
            assertThrows(IllegalStateException.class, () -> tensor.toArray(closed));
            assertThrows(IllegalStateException.class, tensor::sizes);
        }
    },
    UNDEFINED_TENSOR {
        @Override
        void run(NDManager manager) {
            try (Tensor undefined = Tensor.undefined();
                    Tensor defined = empty()) {
                assertFalse(undefined.isDefined());
                assertTrue(defined.isDefined());
                assertArrayEquals(new long[] {0}, undefined.sizes());
                assertThrows(IllegalArgumentException.class, undefined::type);
                assertThrows(EngineException.class, undefined::address);
                assertThrows(
                        EngineException.class,
                        () -> Tensor.empty(ScalarType.FLOAT32, undefined, 1));
            }
        }
    },
    ARGUMENTS_NOT_SET_ARE_NONE {
        @Override
        void run(NDManager manager) {
            NDArray array = manager.randomNormal(new Shape(1, 2, 3, 4));
            NDArray expected =
                    TorchOps.scaledDotProductAttention(
                            array, array, array, null, 0, false, 0.5, manager);
            for (int i = 0; i < 200; i++) {
                poisonFreeMemory();
                try (OperatorCall call =
                        new OperatorCall("aten::scaled_dot_product_attention", "")) {
                    call.tensor(array).tensor(array).tensor(array).invoke(1);
                    assertEquals(expected, call.take(0).toArray(manager));
                }
            }
            // Later versions add optional arguments at the end.
            assertTrue(StableStack.SLOTS >= 17 + 15);
        }
    },
    OPERATOR_FAILS {
        @Override
        void run(NDManager manager) {
            NDArray left = manager.ones(new Shape(2, 3));
            NDArray right = manager.ones(new Shape(4, 5));
            try (OperatorCall call = new OperatorCall("aten::matmul", "")) {
                call.tensor(left).tensor(right);
                EngineException e = assertThrows(EngineException.class, () -> call.invoke(1));
                assertTrue(e.getMessage().contains("aten::matmul"), e.getMessage());
            }
            assertEquals(6, left.sum().getFloat());
            assertEquals(20, right.sum().getFloat());
        }
    },
    OPERATOR_IS_UNKNOWN {
        @Override
        void run(NDManager manager) {
            try (OperatorCall call = new OperatorCall("aten::no_such_operator", "")) {
                call.tensor(manager.ones(new Shape(2)));
                EngineException e = assertThrows(EngineException.class, () -> call.invoke(1));
                assertTrue(e.getMessage().contains("no_such_operator"), e.getMessage());
            }
        }
    },
    BFLOAT16_INSIDE {
        @Override
        void run(NDManager manager) {
            NDArray array = manager.create(new float[] {1, 2.00390625f, -3});
            array.setRequiresGradient(true);
            try (NDManager inside = manager.newSubManager();
                    GradientCollector collector =
                            Engine.getEngine(TorchLibrary.ENGINE).newGradientCollector()) {
                NDArray half = TorchOps.cast(array, ScalarType.BFLOAT16, inside);
                try (Tensor tensor = Tensor.of(half)) {
                    assertSame(ScalarType.BFLOAT16, tensor.type());
                }
                NDArray back = TorchOps.cast(half.mul(10), ScalarType.FLOAT32, manager);
                assertEquals(DataType.FLOAT32, back.getDataType());
                assertArrayEquals(new float[] {10, 20, -30}, back.toFloatArray());
                collector.backward(array.add(back).mul(3).sum());
            }
            assertArrayEquals(new float[] {33, 33, 33}, array.getGradient().toFloatArray());
        }
    },
    NATIVE_THREADS {
        @Override
        void run(NDManager manager) {
            Set<Thread> threads = ConcurrentHashMap.newKeySet();
            AtomicInteger calls = new AtomicInteger();
            int rounds = 20_000 / NativeTeam.THREADS;
            NativeTeam team =
                    team(
                            in -> {
                                threads.add(Thread.currentThread());
                                Tensor argument = in.tensor();
                                assertEquals(2.5, in.optionalReal().orElseThrow());
                                calls.incrementAndGet();
                                return List.of(
                                        Tensor.empty(argument.type(), argument, argument.sizes()));
                            });
            try (Tensor argument = Tensor.of(manager.ones(new Shape(2, 3)))) {
                for (int i = 0; i < rounds; i++) {
                    assertEquals(NativeTeam.THREADS, team.call(argument, 2.5));
                    if (i % (rounds / 30) == 0) {
                        System.gc();
                    }
                }
            }
            assertEquals(rounds * NativeTeam.THREADS, calls.get());
            assertTrue(threads.remove(Thread.currentThread()));
            assertEquals(NativeTeam.THREADS - 1, threads.size());
            for (Thread thread : threads) {
                assertTrue(thread.isDaemon());
                assertEquals("djl-flash-team", thread.getName());
            }
        }
    },
    EXCEPTION_ON_NATIVE_THREADS {
        @Override
        void run(NDManager manager) {
            NativeTeam team =
                    team(
                            in -> {
                                throw new StackOverflowError("planted");
                            });
            try (Tensor argument = empty()) {
                assertEquals(0, team.call(argument, 0));
            }
        }
    };

    abstract void run(NDManager manager);

    @Override
    public void run() {
        try (NDManager manager = NDManager.newBaseManager(Device.cpu(), TorchLibrary.ENGINE)) {
            run(manager);
        }
    }

    static Tensor empty() {
        return Tensor.emptyOnCpu();
    }

    static NativeTeam team(Function<KernelArguments, List<Tensor>> body) {
        try {
            return new NativeTeam(kernel(body, cause -> {}));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static OperatorLibrary.Kernel kernel(
            Function<KernelArguments, List<Tensor>> body, Consumer<Throwable> report) {
        return new OperatorLibrary.Kernel() {
            @Override
            public List<Tensor> run(KernelArguments arguments) {
                return body.apply(arguments);
            }

            @Override
            public void failed(Throwable cause) {
                report.accept(cause);
            }
        };
    }

    /** An operator that has no kernel of PyTorch's own for the CPU: 15 arguments, 5 results. */
    static void implement(
            OperatorLibrary library,
            Function<KernelArguments, List<Tensor>> body,
            Consumer<Throwable> report) {
        library.implement("_flash_attention_forward", kernel(body, report), Tensor.undefined());
    }

    static OperatorCall forward(NDManager manager) {
        NDArray array = manager.ones(new Shape(1, 2, 1, 4));
        OperatorCall call = new OperatorCall("aten::_flash_attention_forward", "");
        call.tensor(array).tensor(array).tensor(array).none().none().integer(2).integer(2);
        return call.real(0).flag(false).flag(false).none().none().none().none().none();
    }

    static void assertRefused(NDManager manager, Function<KernelArguments, List<Tensor>> body) {
        assertInstanceOf(IllegalStateException.class, failure(manager, body));
    }

    /** What a kernel's call reports; the results are then undefined. */
    static Throwable failure(NDManager manager, Function<KernelArguments, List<Tensor>> body) {
        List<Throwable> failures = new ArrayList<>();
        try (OperatorLibrary library = OperatorLibrary.open("CPU")) {
            implement(library, body, failures::add);
            try (OperatorCall call = forward(manager)) {
                call.invoke(5);
                for (int i = 0; i < 5; i++) {
                    try (Tensor result = call.take(i)) {
                        assertEquals(failures.isEmpty(), result.isDefined());
                    }
                }
            }
        }
        if (failures.isEmpty()) {
            return null;
        }
        assertEquals(1, failures.size());
        assertNotNull(failures.get(0));
        return failures.get(0);
    }

    /** Leaves garbage where the next stacks will lie. */
    static void poisonFreeMemory() {
        int bytes = StableStack.SLOTS * Long.BYTES;
        long[] blocks = new long[32];
        for (int i = 0; i < blocks.length; i++) {
            blocks[i] = Native.malloc(bytes);
            new Pointer(blocks[i]).setMemory(0, bytes, (byte) 0x55);
        }
        for (long block : blocks) {
            Native.free(block);
        }
    }
}
