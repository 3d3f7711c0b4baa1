package org.djlflash.autograd;

import java.util.OptionalDouble;
import java.util.OptionalLong;
import org.djlflash.torch.Tensor;

/**
 * Attention forward and backward on the tensors of one device type.
 *
 * <p>Called by PyTorch on any thread: the caller's in forward, on CUDA a worker of the autograd
 * engine in backward. Implementations are safe for use by many threads. Tensors given are freed by
 * the caller; tensors returned are new ones and become the caller's. What is thrown reaches the
 * user as an {@code EngineException}.
 *
 * <p>Shapes are PyTorch's: queries and output (B, T, N, H), keys and values (B, F, key heads, H).
 */
public interface AttentionKernels {

    /**
     * Computes attention.
     *
     * @param arguments the arguments
     * @return the output and what backward needs
     */
    Forward forward(ForwardArguments arguments);

    /**
     * Computes the gradients.
     *
     * @param arguments the arguments
     * @return the gradients
     */
    Gradients backward(BackwardArguments arguments);

    /**
     * What is common to both directions.
     *
     * @param dropout the dropout rate
     * @param causal whether a causal mask applies, aligned bottom-right
     * @param scale the factor of the scores, or empty for 1 / &radic;H
     * @param windowLeft how many keys before the diagonal are seen, or empty for all
     * @param windowRight how many keys after the diagonal are seen, or empty for all
     */
    record Settings(
            double dropout,
            boolean causal,
            OptionalDouble scale,
            OptionalLong windowLeft,
            OptionalLong windowRight) {}

    /**
     * The arguments of forward.
     *
     * @param query shape (B, T, N, H)
     * @param key shape (B, F, key heads, H)
     * @param value shaped as the keys
     * @param keyLengths INT32, shape (B): the keys that count in each row, or null if all do
     * @param settings the settings
     */
    record ForwardArguments(
            Tensor query, Tensor key, Tensor value, Tensor keyLengths, Settings settings) {}

    /**
     * The results of forward. PyTorch keeps all of them for backward.
     *
     * @param output shape (B, T, N, H)
     * @param logSumExp FLOAT32, shape (B, N, T): the natural logarithm of each row's sum of exp
     * @param randomState what backward needs to repeat the dropout
     * @param extra anything else that backward needs, for example the key lengths
     */
    record Forward(Tensor output, Tensor logSumExp, Tensor randomState, Tensor extra) {}

    /**
     * The arguments of backward.
     *
     * @param outputGradient the gradient of the output, any strides
     * @param query as in forward
     * @param key as in forward
     * @param value as in forward
     * @param output as forward returned it
     * @param logSumExp as forward returned it
     * @param randomState as forward returned it
     * @param extra as forward returned it
     * @param settings the settings
     */
    record BackwardArguments(
            Tensor outputGradient,
            Tensor query,
            Tensor key,
            Tensor value,
            Tensor output,
            Tensor logSumExp,
            Tensor randomState,
            Tensor extra,
            Settings settings) {}

    /**
     * The results of backward.
     *
     * @param query shaped as the queries
     * @param key shaped as the keys
     * @param value shaped as the values
     */
    record Gradients(Tensor query, Tensor key, Tensor value) {}
}
