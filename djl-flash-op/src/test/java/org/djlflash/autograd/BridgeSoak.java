package org.djlflash.autograd;

import ai.djl.Device;
import ai.djl.engine.EngineException;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import ai.djl.training.GradientCollector;
import java.util.OptionalDouble;
import java.util.OptionalLong;
import org.djlflash.testkit.SoakJvm;
import org.djlflash.torch.GradMode;
import org.djlflash.torch.OperatorCall;
import org.djlflash.torch.ScalarType;
import org.djlflash.torch.Tensor;
import org.djlflash.torch.TorchOps;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The same call many times over, in a JVM of its own with a small heap, so that the process grows
 * by what is lost on the native side alone.
 */
enum BridgeSoak {
    /** Inference with 1 MB a tensor. */
    FORWARD(40_000, 8192) {
        @Override
        void call(Stage stage, NDManager scope) {
            stage.attend(stage.query, null, scope);
        }
    },
    /** Training steps. */
    TRAINING(60_000, 128) {
        @Override
        void call(Stage stage, NDManager scope) {
            try (GradientCollector collector = AttentionProblem.collector()) {
                collector.backward(stage.attend(stage.query, stage.lengths, scope).sum());
            }
        }
    },
    /** Recorded, but never asked for gradients. */
    RECORDING(20_000, 512) {
        @Override
        void call(Stage stage, NDManager scope) {
            GradientCollector collector = AttentionProblem.collector();
            stage.attend(stage.query, stage.lengths, scope);
            collector.close();
        }
    },
    /** A kernel that throws in forward. */
    FORWARD_FAILURE(10_000, 512) {
        @Override
        void call(Stage stage, NDManager scope) {
            stage.kernels.fails = true;
            expectFailure(() -> stage.attend(stage.query, stage.lengths, scope));
        }
    },
    /** A kernel that throws in backward; PyTorch's own part of a failure takes milliseconds. */
    BACKWARD_FAILURE(500, 4096) {
        @Override
        void call(Stage stage, NDManager scope) {
            try (GradientCollector collector = AttentionProblem.collector()) {
                NDArray loss = stage.attend(stage.query, stage.lengths, scope).sum();
                stage.kernels.fails = true;
                expectFailure(() -> collector.backward(loss));
            }
        }
    },
    /** An operator of PyTorch that refuses its arguments. */
    OPERATOR_FAILURE(500, 4096) {
        @Override
        void call(Stage stage, NDManager scope) {
            NDArray copy = stage.query.duplicate();
            copy.attach(scope);
            NDArray other = copy.reshape(2, -1);
            try (OperatorCall call = new OperatorCall("aten::matmul", "")) {
                expectFailure(() -> call.tensor(copy).tensor(other).invoke(1));
            }
        }
    },
    /** Boxes and handles of a call that is given up before it happens. */
    CALL_GIVEN_UP(600_000, 1) {
        @Override
        void call(Stage stage, NDManager scope) {
            try (OperatorCall call = new OperatorCall("aten::relu", "")) {
                call.tensor(stage.query).optionalTensor(stage.query);
                call.optionalReal(OptionalDouble.of(1)).optionalInteger(OptionalLong.of(2));
            }
        }

        @Override
        boolean isScoped() {
            return false;
        }
    },
    /** Results that nobody takes, beside one that is taken. */
    RESULT_NOT_TAKEN(10_000, 512) {
        @Override
        void call(Stage stage, NDManager scope) {
            try (OperatorCall call = new OperatorCall("aten::sort", "")) {
                call.tensor(stage.query).integer(0).flag(false).invoke(2);
                call.take(1).close();
            }
        }
    },
    /** Results that their new owner refuses. */
    MANAGER_CLOSED(10_000, 512) {
        @Override
        void call(Stage stage, NDManager scope) {
            scope.close();
            try {
                TorchOps.cast(stage.query, ScalarType.FLOAT64, scope);
                throw new AssertionError("a closed manager took an array");
            } catch (IllegalStateException expected) {
                return;
            }
        }
    },
    /** Mixed precision. */
    CASTS(20_000, 512) {
        @Override
        void call(Stage stage, NDManager scope) {
            try (GradientCollector collector = AttentionProblem.collector()) {
                NDArray half = TorchOps.cast(stage.query, ScalarType.BFLOAT16, scope);
                collector.backward(TorchOps.cast(half, ScalarType.FLOAT32, scope).sum());
            }
        }
    },
    /** Each output is the next input: a graph, were it recorded, would never end. */
    CHAIN_WITHOUT_RECORDING(5_000, 512) {
        @Override
        void call(Stage stage, NDManager scope) {
            NDArray before = stage.state;
            stage.state = GradMode.off(() -> stage.attend(before, null, before.getManager()));
            before.close();
        }
    };

    private static final Logger logger = LoggerFactory.getLogger(BridgeSoak.class);

    private static final long LIMIT_KILOBYTES = 16 * 1024;

    private final int calls;
    private final int tokens;

    BridgeSoak(int calls, int tokens) {
        this.calls = calls;
        this.tokens = tokens;
    }

    /** One call. */
    abstract void call(Stage stage, NDManager scope);

    /** Tells whether each call gets a manager of its own. */
    boolean isScoped() {
        return true;
    }

    /** What the calls work on. */
    private static final class Stage implements AutoCloseable {

        final CopyingKernels kernels = new CopyingKernels();
        final NDManager manager = NDManager.newBaseManager(Device.cpu(), "PyTorch");
        final NDArray query;
        final NDArray lengths = manager.create(new int[] {1});
        private final AttentionRegistration registration =
                AttentionRegistration.install("CPU", kernels);

        /** What one call leaves for the next. */
        NDArray state;

        Stage(int tokens) {
            query = manager.ones(new Shape(1, tokens, 4, 8));
            query.setRequiresGradient(true);
            state = query.mul(1);
        }

        NDArray attend(NDArray array, NDArray keyLengths, NDManager owner) {
            // New storage for every call: a handle that is lost keeps it.
            try (NDArray fresh = array.mul(1)) {
                return AttentionOperator.apply(
                        fresh,
                        fresh,
                        fresh,
                        keyLengths,
                        AttentionProblem.settings(true, OptionalDouble.of(2)),
                        owner);
            }
        }

        @Override
        public void close() {
            registration.close();
            manager.close();
        }
    }

    /** Kernels of the right shapes that take no time. */
    private static final class CopyingKernels implements AttentionKernels {

        boolean fails;

        @Override
        public Forward forward(ForwardArguments arguments) {
            failIfAsked();
            return new Forward(
                    copy(arguments.query()),
                    Tensor.empty(ScalarType.FLOAT32, arguments.query(), 1, 4, 16),
                    Tensor.emptyOnCpu(),
                    Tensor.emptyOnCpu());
        }

        @Override
        public Gradients backward(BackwardArguments arguments) {
            failIfAsked();
            return new Gradients(
                    copy(arguments.outputGradient()),
                    copy(arguments.key()),
                    copy(arguments.value()));
        }

        private void failIfAsked() {
            if (fails) {
                fails = false;
                throw new IllegalStateException("planted");
            }
        }

        private static Tensor copy(Tensor tensor) {
            Tensor copy = Tensor.empty(ScalarType.FLOAT32, tensor, tensor.sizes());
            copy.copyFrom(tensor);
            return copy;
        }
    }

    private static void expectFailure(Runnable call) {
        try {
            call.run();
        } catch (EngineException expected) {
            return;
        }
        throw new AssertionError("the call did not fail");
    }

    private void run(Stage stage) {
        if (!isScoped()) {
            call(stage, stage.manager);
            return;
        }
        try (NDManager scope = stage.manager.newSubManager()) {
            call(stage, scope);
        }
    }

    private void soak() {
        try (Stage stage = new Stage(tokens)) {
            long start = 0;
            long begin = System.nanoTime();
            for (int i = 0; i < calls; i++) {
                if (i == calls / 10) {
                    start = SoakJvm.residentKilobytes();
                }
                run(stage);
            }
            long microseconds = (System.nanoTime() - begin) / 1000 / calls;
            long growth = SoakJvm.residentKilobytes() - start;
            logger.info("{}: {} calls, {} us each, {} KB", this, calls, microseconds, growth);
            if (growth > LIMIT_KILOBYTES) {
                throw new AssertionError(growth + " KB more after " + calls + " calls");
            }
        }
    }

    /** Runs the soak that is named. */
    public static void main(String... names) throws InterruptedException {
        SoakJvm.run(() -> valueOf(names[0]).soak());
    }
}
