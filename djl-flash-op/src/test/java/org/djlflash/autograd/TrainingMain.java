package org.djlflash.autograd;

import java.io.IOException;
import java.util.List;
import org.djlflash.testkit.JavaAttentionKernels;
import org.djlflash.torch.KernelArguments;
import org.djlflash.torch.NativeTeam;
import org.djlflash.torch.OperatorLibrary;
import org.djlflash.torch.Tensor;

/** Trains, lets native threads in, and returns with everything open that can be left open. */
final class TrainingMain {

    private TrainingMain() {}

    public static void main(String... arguments) throws IOException {
        AttentionRegistration.install("CPU", new JavaAttentionKernels());
        AttentionProblem problem = AttentionProblem.trained(AttentionProblem.SMALL, 1);
        for (int i = 0; i < 20; i++) {
            problem.step();
        }
        problem.assertGradients();
        NativeTeam team = new NativeTeam(new Copying());
        for (int i = 0; i < 20; i++) {
            if (team.call(Tensor.of(problem.query), 1) != NativeTeam.THREADS) {
                throw new AssertionError("the kernel failed on a native thread");
            }
        }
    }

    /** A kernel that runs an operator of PyTorch. */
    private static final class Copying implements OperatorLibrary.Kernel {

        @Override
        public List<Tensor> run(KernelArguments arguments) {
            Tensor argument = arguments.tensor();
            arguments.optionalReal();
            Tensor copy = Tensor.empty(argument.type(), argument, argument.sizes());
            copy.copyFrom(argument);
            return List.of(copy);
        }

        @Override
        public void failed(Throwable cause) {
            throw new AssertionError(cause);
        }
    }
}
