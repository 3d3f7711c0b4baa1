package org.djlflash.examples.bench;

import java.util.ArrayList;
import java.util.List;
import org.djlflash.torch.CudnnAttention;
import org.djlflash.torch.OperatorCall;
import org.djlflash.torch.Tensor;

/**
 * PyTorch's fused attention kernels, each called by name. Of SDPA's operators those beneath are
 * called where the stable C interface cannot pass the arguments or results of the upper ones.
 */
enum TorchAttention implements Implementation {
    /** FlashAttention-2 as PyTorch brings it. */
    FLASH {

        @Override
        List<Tensor> compute(Operands in, boolean causal) {
            try (Operands by = Views.tokensFirst(in);
                    OperatorCall call = new OperatorCall("aten::_flash_attention_forward", "")) {
                read(call, by).none().none();
                call.integer(tokens(in.query())).integer(tokens(in.key()));
                call.real(0).flag(causal).flag(false).none().none().none().none().none();
                return take(call, 5, true);
            }
        }

        @Override
        List<Tensor> gradients(Operands in, List<Tensor> out, Tensor gradient, boolean causal) {
            try (Operands by = Views.tokensFirst(in);
                    Tensor outputGradient = Views.exchanged(gradient, 1, 2);
                    Tensor output = Views.exchanged(out.get(0), 1, 2);
                    Tensor none = Tensor.undefined();
                    OperatorCall call = new OperatorCall("aten::_flash_attention_backward", "")) {
                read(call.tensor(outputGradient), by).tensor(output).tensor(out.get(1));
                call.tensor(none).tensor(none);
                call.integer(tokens(in.query())).integer(tokens(in.key()));
                call.real(0).flag(causal).tensor(out.get(2)).tensor(out.get(3));
                return heads(take(call.none().none().none(), GRADIENTS, true));
            }
        }
    },

    /** The attention of NVIDIA's cuDNN. */
    CUDNN {

        @Override
        List<Tensor> compute(Operands in, boolean causal) {
            return CudnnAttention.forward(in.query(), in.key(), in.value(), causal);
        }

        @Override
        List<Tensor> gradients(Operands in, List<Tensor> out, Tensor gradient, boolean causal) {
            return CudnnAttention.backward(gradient, in.query(), in.key(), in.value(), out, causal);
        }
    },

    /** The memory-efficient attention of xFormers; it knows no groups of heads. */
    EFFICIENT {

        private static final int CAUSAL_FROM_TOP_LEFT = 1;

        @Override
        List<Tensor> compute(Operands in, boolean causal) {
            try (OperatorCall call =
                    new OperatorCall("aten::_scaled_dot_product_efficient_attention", "")) {
                read(call, in).none().flag(true).real(0).flag(causal).none();
                return take(call, 4, false);
            }
        }

        @Override
        List<Tensor> gradients(Operands in, List<Tensor> out, Tensor gradient, boolean causal) {
            try (Operands by = Views.tokensFirst(in);
                    Tensor outputGradient = Views.exchanged(gradient, 1, 2);
                    Tensor output = Views.exchanged(out.get(0), 1, 2);
                    OperatorCall call =
                            new OperatorCall("aten::_efficient_attention_backward", "")) {
                read(call.tensor(outputGradient), by).none().tensor(output).none().none();
                call.integer(tokens(in.query())).integer(tokens(in.key()));
                call.tensor(out.get(1)).real(0).tensor(out.get(2)).tensor(out.get(3));
                call.integer(causal ? CAUSAL_FROM_TOP_LEFT : 0).flag(false);
                List<Tensor> all = take(call, GRADIENTS + 1, true);
                all.get(GRADIENTS).close();
                return heads(all.subList(0, GRADIENTS));
            }
        }
    };

    private static final int GRADIENTS = 3;

    /** Returns the output, shape (B, N, T, H), and what the gradients need. */
    abstract List<Tensor> compute(Operands in, boolean causal);

    abstract List<Tensor> gradients(Operands in, List<Tensor> out, Tensor gradient, boolean causal);

    @Override
    public Step forward(Operands in, boolean causal) {
        List<Tensor> out = compute(in, causal);
        return new Step() {

            @Override
            public Tensor output() {
                return out.get(0);
            }

            @Override
            public List<Tensor> gradients(Tensor outputGradient) {
                return TorchAttention.this.gradients(in, out, outputGradient, causal);
            }

            @Override
            public void close() {
                out.forEach(Tensor::close);
            }
        };
    }

    private static OperatorCall read(OperatorCall call, Operands in) {
        return call.tensor(in.query()).tensor(in.key()).tensor(in.value());
    }

    /** Runs the operator; the first result of some has its heads after its tokens. */
    private static List<Tensor> take(OperatorCall call, int results, boolean tokensFirst) {
        call.invoke(results);
        List<Tensor> taken = new ArrayList<>();
        for (int i = 0; i < results; i++) {
            taken.add(call.take(i));
        }
        if (tokensFirst) {
            taken.set(0, headsFirst(taken.get(0)));
        }
        return taken;
    }

    /** The gradients of the keys and values, too. */
    private static List<Tensor> heads(List<Tensor> gradients) {
        return List.of(
                gradients.get(0), headsFirst(gradients.get(1)), headsFirst(gradients.get(2)));
    }

    private static Tensor headsFirst(Tensor tokensFirst) {
        try (tokensFirst) {
            return Views.exchanged(tokensFirst, 1, 2);
        }
    }

    private static long tokens(Tensor tensor) {
        return tensor.sizes()[2];
    }
}
