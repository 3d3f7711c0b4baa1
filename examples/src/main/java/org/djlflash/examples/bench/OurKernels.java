package org.djlflash.examples.bench;

import java.util.List;
import java.util.OptionalDouble;
import java.util.OptionalLong;
import org.djlflash.autograd.AttentionKernels;
import org.djlflash.autograd.AttentionKernels.BackwardArguments;
import org.djlflash.autograd.AttentionKernels.Forward;
import org.djlflash.autograd.AttentionKernels.ForwardArguments;
import org.djlflash.autograd.AttentionKernels.Gradients;
import org.djlflash.autograd.AttentionKernels.Settings;
import org.djlflash.backend.CudaOperator;
import org.djlflash.torch.Tensor;

/** Our kernels as PyTorch's autograd would call them, without being registered there. */
final class OurKernels implements Implementation {

    private final AttentionKernels kernels = CudaOperator.instance();

    @Override
    public Step forward(Operands in, boolean causal) {
        Settings settings =
                new Settings(
                        0,
                        causal,
                        OptionalDouble.empty(),
                        OptionalLong.empty(),
                        OptionalLong.empty());
        return new OurStep(in, settings);
    }

    private final class OurStep implements Step {

        /** What the kernels read, (B, tokens, heads, H). */
        private final Operands in;

        private final Settings settings;
        private final Forward forward;
        private final Tensor output;

        OurStep(Operands in, Settings settings) {
            this.in = Views.tokensFirst(in);
            this.settings = settings;
            forward =
                    kernels.forward(
                            new ForwardArguments(
                                    this.in.query(),
                                    this.in.key(),
                                    this.in.value(),
                                    null,
                                    settings));
            output = Views.exchanged(forward.output(), 1, 2);
        }

        @Override
        public Tensor output() {
            return output;
        }

        @Override
        public List<Tensor> gradients(Tensor outputGradient) {
            try (Tensor gradient = Views.exchanged(outputGradient, 1, 2)) {
                Gradients made =
                        kernels.backward(
                                new BackwardArguments(
                                        gradient,
                                        in.query(),
                                        in.key(),
                                        in.value(),
                                        forward.output(),
                                        forward.logSumExp(),
                                        forward.randomState(),
                                        forward.extra(),
                                        settings));
                try (Tensor query = made.query();
                        Tensor key = made.key();
                        Tensor value = made.value()) {
                    return List.of(
                            Views.exchanged(query, 1, 2),
                            Views.exchanged(key, 1, 2),
                            Views.exchanged(value, 1, 2));
                }
            }
        }

        @Override
        public void close() {
            in.close();
            output.close();
            forward.output().close();
            forward.logSumExp().close();
            forward.randomState().close();
            forward.extra().close();
        }
    }
}
