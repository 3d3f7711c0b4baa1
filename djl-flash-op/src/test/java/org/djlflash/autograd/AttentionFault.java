package org.djlflash.autograd;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.engine.EngineException;
import ai.djl.training.GradientCollector;
import java.io.IOException;
import java.util.function.Function;
import org.djlflash.autograd.AttentionKernels.BackwardArguments;
import org.djlflash.autograd.AttentionKernels.Forward;
import org.djlflash.autograd.AttentionKernels.Gradients;
import org.djlflash.testkit.ChildCases;
import org.djlflash.torch.OperatorCall;
import org.djlflash.torch.Tensor;

/** Faults of a kernel: each reaches the caller as an exception, and the next step is right. */
enum AttentionFault implements ChildCases.Case {
    FORWARD_EXCEPTION {
        @Override
        public void run() {
            forwardThrows(new IllegalArgumentException("planted"));
        }
    },
    FORWARD_OUT_OF_MEMORY {
        @Override
        public void run() {
            assertInstanceOf(OutOfMemoryError.class, forwardFails(AttentionFault::exhaustHeap));
        }
    },
    FORWARD_STACK_OVERFLOW {
        @Override
        public void run() {
            assertInstanceOf(StackOverflowError.class, forwardFails(AttentionFault::exhaustStack));
        }
    },
    FORWARD_CHECKED_EXCEPTION_IN_DISGUISE {
        @Override
        public void run() {
            forwardThrows(new IOException("planted"));
        }
    },
    FORWARD_RESULT_NULL {
        @Override
        public void run() {
            assertInstanceOf(NullPointerException.class, forwardFails(() -> null));
        }
    },
    FORWARD_RESULT_LACKS_A_TENSOR {
        @Override
        public void run() {
            assertInstanceOf(
                    IllegalStateException.class,
                    forwardFails(
                            () ->
                                    new Forward(
                                            Tensor.emptyOnCpu(), null, Tensor.emptyOnCpu(), null)));
        }
    },
    FORWARD_FAILURE_OF_ANOTHER_CALL {
        @Override
        public void run() {
            with(
                    (problem, kernels, registration) -> {
                        kernels.forward =
                                () -> {
                                    throw new IllegalStateException("meant for nobody");
                                };
                        try (OperatorCall call =
                                new OperatorCall("aten::_flash_attention_forward", "")) {
                            call.tensor(problem.query).tensor(problem.key).tensor(problem.value);
                            call.none().none().integer(3).integer(5).real(0).flag(false);
                            call.flag(false).none().none().none().none().none().invoke(5);
                        }
                    });
        }
    },
    BACKWARD_EXCEPTION {
        @Override
        public void run() {
            IllegalArgumentException planted = new IllegalArgumentException("planted");
            Throwable cause =
                    backwardFails(
                            arguments -> {
                                throw planted;
                            });
            assertSame(planted, cause);
        }
    },
    BACKWARD_OUT_OF_MEMORY {
        @Override
        public void run() {
            assertInstanceOf(
                    OutOfMemoryError.class,
                    backwardFails(
                            arguments -> {
                                exhaustHeap();
                                return null;
                            }));
        }
    },
    BACKWARD_STACK_OVERFLOW {
        @Override
        public void run() {
            assertInstanceOf(
                    StackOverflowError.class,
                    backwardFails(
                            arguments -> {
                                exhaustStack();
                                return null;
                            }));
        }
    },
    BACKWARD_RESULT_NULL {
        @Override
        public void run() {
            assertInstanceOf(NullPointerException.class, backwardFails(arguments -> null));
        }
    },
    BACKWARD_RESULT_IS_AN_ARGUMENT {
        @Override
        public void run() {
            assertInstanceOf(
                    IllegalStateException.class,
                    backwardFails(
                            arguments ->
                                    new Gradients(
                                            arguments.outputGradient(),
                                            arguments.key(),
                                            arguments.value())));
        }
    },
    BACKWARD_RESULT_LACKS_A_TENSOR {
        @Override
        public void run() {
            assertInstanceOf(
                    IllegalStateException.class,
                    backwardFails(arguments -> new Gradients(null, Tensor.emptyOnCpu(), null)));
        }
    },
    BACKWARD_RESULT_HAS_ANOTHER_SHAPE {
        @Override
        public void run() {
            with(
                    (problem, kernels, registration) -> {
                        kernels.backward =
                                arguments ->
                                        new Gradients(
                                                Tensor.emptyOnCpu(),
                                                Tensor.emptyOnCpu(),
                                                Tensor.emptyOnCpu());
                        assertThrows(EngineException.class, problem::step);
                    });
        }
    },
    KERNEL_CALLS_THE_OPERATOR {
        @Override
        public void run() {
            with(
                    (problem, kernels, registration) -> {
                        kernels.forward =
                                () -> {
                                    kernels.forward =
                                            () -> {
                                                throw new IllegalStateException("inner");
                                            };
                                    problem.attend();
                                    return null;
                                };
                        EngineException e = assertThrows(EngineException.class, problem::attend);
                        assertInstanceOf(EngineException.class, e.getCause());
                        assertEquals("inner", e.getCause().getCause().getMessage());
                    });
        }
    },
    NO_KERNEL {
        @Override
        public void run() {
            try (AttentionProblem problem = AttentionProblem.trained(AttentionProblem.SMALL, 1)) {
                assertNoKernel(problem);
                for (int i = 0; i < 3; i++) {
                    AttentionRegistration.install("CPU", new FaultyKernels()).close();
                    assertNoKernel(problem);
                }
            }
        }
    },
    KERNELS_TAKEN_AWAY {
        @Override
        public void run() {
            with(
                    (problem, kernels, registration) -> {
                        problem.step();
                        try (GradientCollector collector = AttentionProblem.collector()) {
                            collector.zeroGradients();
                            var loss = problem.loss();
                            registration.close();
                            assertNoKernel(problem);
                            assertThrows(EngineException.class, () -> collector.backward(loss));
                        }
                        AttentionRegistration.install("CPU", kernels);
                    });
        }
    };

    /** What one case does. */
    interface Scenario {
        void run(
                AttentionProblem problem,
                FaultyKernels kernels,
                AttentionRegistration registration);
    }

    /** What a kernel does instead of its work. */
    interface Fault {
        Forward run();
    }

    /** Runs a scenario, then demands that a step works as if nothing had been. */
    static void with(Scenario scenario) {
        FaultyKernels kernels = new FaultyKernels();
        try (AttentionRegistration registration = AttentionRegistration.install("CPU", kernels);
                AttentionProblem problem = AttentionProblem.trained(AttentionProblem.SMALL, 1)) {
            scenario.run(problem, kernels, registration);
            kernels.forward = null;
            kernels.backward = null;
            problem.assertOutput(problem.attend());
            problem.step();
            problem.assertGradients();
        } finally {
            AttentionRegistration.install("CPU", kernels).close();
        }
    }

    static void assertNoKernel(AttentionProblem problem) {
        EngineException e = assertThrows(EngineException.class, problem::attend);
        assertTrue(e.getMessage().contains("aten::_flash_attention_forward"), e.getMessage());
    }

    static void forwardThrows(Throwable planted) {
        assertSame(
                planted,
                forwardFails(
                        () -> {
                            throw AttentionFault.<RuntimeException>disguised(planted);
                        }));
    }

    static Throwable forwardFails(Fault fault) {
        Throwable[] cause = new Throwable[1];
        with(
                (problem, kernels, registration) -> {
                    for (boolean recorded : new boolean[] {false, true}) {
                        kernels.forward = fault::run;
                        EngineException e =
                                recorded
                                        ? assertThrows(EngineException.class, problem::step)
                                        : assertThrows(EngineException.class, problem::attend);
                        cause[0] = e.getCause();
                        assertTrue(e.getMessage().contains("query (2, 3, 4, 8), key (2, 5, 2, 8)"));
                    }
                    assertTrue(registration.takeBackwardFailure().isEmpty());
                });
        return cause[0];
    }

    static Throwable backwardFails(Function<BackwardArguments, Gradients> fault) {
        Throwable[] cause = new Throwable[1];
        with(
                (problem, kernels, registration) -> {
                    kernels.backward = fault;
                    EngineException e = assertThrows(EngineException.class, problem::step);
                    assertTrue(e.getMessage().contains("invalid gradient"), e.getMessage());
                    cause[0] = registration.takeBackwardFailure().orElseThrow();
                    assertTrue(registration.takeBackwardFailure().isEmpty());
                    assertEquals(0, problem.query.getGradient().abs().sum().getFloat());
                });
        return cause[0];
    }

    @SuppressWarnings("unchecked")
    static <E extends Throwable> E disguised(Throwable throwable) throws E {
        throw (E) throwable;
    }

    static Forward exhaustHeap() {
        throw new AssertionError(new long[Integer.MAX_VALUE].length);
    }

    static Forward exhaustStack() {
        return exhaustStack();
    }
}
