package org.djlflash.backend;

import org.djlflash.cuda.launch.CacheRows;
import org.djlflash.cuda.launch.DevicePointer;
import org.djlflash.cuda.launch.ForwardArguments;
import org.djlflash.cuda.launch.Randomness;
import org.djlflash.cuda.launch.TensorView;
import org.djlflash.cuda.plan.AttentionProblem;
import org.djlflash.torch.Tensor;

/** Query, key and value as the kernels read them, closed by whoever opened them. */
record Operands(Operand query, Operand key, Operand value) {

    AttentionProblem.Layouts layouts(TensorView output) {
        return new AttentionProblem.Layouts(
                query.view().layout(), key.view().layout(), value.view().layout(), output.layout());
    }

    /** All but the workspace; null for what there is not. */
    ForwardArguments arguments(
            TensorView output,
            TensorView bias,
            Tensor logSumExp,
            Tensor keyLengths,
            CacheRows cache,
            Randomness randomness) {
        return new ForwardArguments(
                query.view(),
                key.view(),
                value.view(),
                output,
                bias,
                CudaGpu.pointer(logSumExp),
                CudaGpu.pointer(keyLengths),
                cache,
                randomness,
                DevicePointer.NULL);
    }
}
