package org.djlflash.examples.bench;

import ai.djl.engine.Engine;
import ai.djl.ndarray.NDArray;
import ai.djl.training.GradientCollector;
import java.util.ArrayList;
import java.util.List;
import org.djlflash.AttentionOptions;
import org.djlflash.Backend;
import org.djlflash.FlashAttention;
import org.djlflash.torch.ScalarType;
import org.djlflash.torch.Tensor;
import org.djlflash.torch.TorchLibrary;

/**
 * FlashAttention.attend on our kernels, as a program calls it.
 *
 * @param arrays query, key and value
 * @param options the options
 */
record AttendCall(List<NDArray> arrays, AttentionOptions options) {

    static AttendCall of(List<NDArray> arrays, ScalarType type, boolean causal) {
        return new AttendCall(
                arrays,
                AttentionOptions.builder()
                        .optBackend(Backend.CUDA)
                        .optCausal(causal)
                        .optComputeType(type.dataType())
                        .build());
    }

    /** Computes the output without gradients: a direct launch. */
    List<Tensor> forward() {
        try (NDArray output = attend(arrays)) {
            return List.of(Tensor.of(output));
        }
    }

    /** Computes output and gradients as DJL's trainer does: recorded, through the dispatcher. */
    List<Tensor> training() {
        List<NDArray> parameters = new ArrayList<>();
        try (GradientCollector collector =
                Engine.getEngine(TorchLibrary.ENGINE).newGradientCollector()) {
            for (NDArray array : arrays) {
                // A new parameter each time, or its gradients would add up.
                NDArray parameter = array.stopGradient();
                parameters.add(parameter);
                parameter.setRequiresGradient(true);
            }
            try (NDArray output = attend(parameters)) {
                collector.backward(output);
            }
            return parameters.stream().map(AttendCall::gradient).toList();
        } finally {
            parameters.forEach(NDArray::close);
        }
    }

    private NDArray attend(List<NDArray> in) {
        return FlashAttention.attend(in.get(0), in.get(1), in.get(2), options);
    }

    private static Tensor gradient(NDArray parameter) {
        try (NDArray gradient = parameter.getGradient()) {
            return Tensor.of(gradient);
        }
    }
}
