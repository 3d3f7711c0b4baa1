package org.djlflash.examples.bench;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import java.util.ArrayList;
import java.util.List;
import org.djlflash.torch.OperatorCall;
import org.djlflash.torch.ScalarType;
import org.djlflash.torch.Tensor;

/**
 * Attention by its definition, softmax(scale QK<sup>T</sup>) V, one PyTorch operator after the
 * other, in the type of the operands and with all scores in memory: what DJL's own block computes,
 * and in FLOAT32 or FLOAT64 the reference for all others. Knows no groups of heads.
 */
final class MathAttention implements Implementation, AutoCloseable {

    private static final int LAST = 3;

    private final ScalarType type;
    private final Tensor scale;
    private final Tensor hidden;
    private final Tensor visible;

    /**
     * Prepares the constants, so that no call waits for a copy from the host.
     *
     * @param manager a manager on the GPU
     * @param type the type of the operands
     * @param queries the number of queries
     * @param keys the number of keys
     * @param headSize the head size
     */
    MathAttention(NDManager manager, ScalarType type, long queries, long keys, long headSize) {
        this.type = type;
        // A number on the host goes to the kernel as it is; one on the GPU would be rounded first.
        try (NDArray number =
                        manager.newSubManager(Device.cpu())
                                .create(1 / Math.sqrt(headSize))
                                .reshape(new Shape());
                NDArray infinity = manager.full(new Shape(), Float.NEGATIVE_INFINITY);
                NDArray rows = manager.arange(Math.toIntExact(queries)).reshape(queries, 1);
                NDArray columns = manager.arange(Math.toIntExact(keys)).reshape(1, keys);
                NDArray sees = rows.gte(columns)) {
            scale = Tensor.of(number);
            hidden = Tensor.of(infinity);
            visible = Tensor.of(sees);
        }
    }

    @Override
    public Step forward(Operands in, boolean causal) {
        List<Tensor> made = new ArrayList<>();
        try {
            Tensor query = operator("aten::mul", "Tensor", in.query(), scale);
            made.add(query);
            Tensor weights = weights(query, in.key(), causal);
            made.add(weights);
            made.add(operator("aten::matmul", "", weights, in.value()));
            return new MathStep(in, query, weights, made.get(2));
        } catch (RuntimeException e) {
            // Too little memory is no reason to lose more of it.
            made.forEach(Tensor::close);
            throw e;
        }
    }

    private Tensor weights(Tensor query, Tensor key, boolean causal) {
        try (Tensor keyColumns = Views.exchanged(key, 2, LAST);
                Tensor all = operator("aten::matmul", "", query, keyColumns);
                Tensor scores =
                        causal ? operator("aten::where", "self", visible, all, hidden) : all) {
            return softmax(scores);
        }
    }

    private Tensor softmax(Tensor scores) {
        try (OperatorCall call = new OperatorCall("aten::softmax", "int")) {
            return call.tensor(scores).integer(LAST).none().invoke(1).take(0);
        }
    }

    private static Tensor operator(String name, String overload, Tensor... arguments) {
        try (OperatorCall call = new OperatorCall(name, overload)) {
            for (Tensor argument : arguments) {
                call.tensor(argument);
            }
            return call.invoke(1).take(0);
        }
    }

    private final class MathStep implements Step {

        private final Operands in;
        private final Tensor query;
        private final Tensor weights;
        private final Tensor output;

        MathStep(Operands in, Tensor query, Tensor weights, Tensor output) {
            this.in = in;
            this.query = query;
            this.weights = weights;
            this.output = output;
        }

        @Override
        public Tensor output() {
            return output;
        }

        @Override
        public List<Tensor> gradients(Tensor outputGradient) {
            List<Tensor> gradients = new ArrayList<>();
            try (Tensor valueColumns = Views.exchanged(in.value(), 2, LAST);
                    Tensor ofWeights = operator("aten::matmul", "", outputGradient, valueColumns);
                    Tensor ofScores = softmaxGradient(ofWeights);
                    Tensor scoreColumns = Views.exchanged(ofScores, 2, LAST);
                    Tensor weightColumns = Views.exchanged(weights, 2, LAST);
                    Tensor ofScaled = operator("aten::matmul", "", ofScores, in.key())) {
                gradients.add(operator("aten::mul", "Tensor", ofScaled, scale));
                gradients.add(operator("aten::matmul", "", scoreColumns, query));
                gradients.add(operator("aten::matmul", "", weightColumns, outputGradient));
                return gradients;
            } catch (RuntimeException e) {
                gradients.forEach(Tensor::close);
                throw e;
            }
        }

        private Tensor softmaxGradient(Tensor ofWeights) {
            try (OperatorCall call = new OperatorCall("aten::_softmax_backward_data", "")) {
                call.tensor(ofWeights).tensor(weights).integer(LAST).integer(type.code());
                return call.invoke(1).take(0);
            }
        }

        @Override
        public void close() {
            query.close();
            weights.close();
            output.close();
        }
    }

    @Override
    public void close() {
        scale.close();
        hidden.close();
        visible.close();
    }
}
