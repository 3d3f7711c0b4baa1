package org.djlflash.autograd;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicReference;
import org.djlflash.autograd.AttentionKernels.BackwardArguments;
import org.djlflash.autograd.AttentionKernels.Forward;
import org.djlflash.autograd.AttentionKernels.ForwardArguments;
import org.djlflash.autograd.AttentionKernels.Gradients;
import org.djlflash.autograd.AttentionKernels.Settings;
import org.djlflash.torch.KernelArguments;
import org.djlflash.torch.OperatorLibrary;
import org.djlflash.torch.Tensor;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Attention kernels registered with PyTorch for one dispatch key, as {@code
 * aten::_flash_attention_forward} and {@code aten::_flash_attention_backward}: PyTorch knows the
 * derivative of the first and calls the second, so autograd works without native code of ours.
 *
 * <p>PyTorch's own attention runs on these kernels too while they are registered. Safe for use by
 * many threads.
 *
 * <p>An exception must not pass through PyTorch's frames. One thrown in forward is kept and thrown
 * again by {@link AttentionOperator}; one thrown in backward makes PyTorch refuse the gradients, so
 * that {@code GradientCollector.backward} throws, and is kept for {@link #takeBackwardFailure}.
 */
public final class AttentionRegistration implements AutoCloseable {

    private static final Logger logger = LoggerFactory.getLogger(AttentionRegistration.class);

    private static final Map<String, AttentionRegistration> INSTALLED = new ConcurrentHashMap<>();

    private final String dispatchKey;
    private final AttentionKernels kernels;
    private final OperatorLibrary library;
    private final AtomicReference<Throwable> backwardFailure = new AtomicReference<>();

    private AttentionRegistration(String dispatchKey, AttentionKernels kernels) {
        this.dispatchKey = dispatchKey;
        this.kernels = kernels;
        library = OperatorLibrary.open(dispatchKey);
        library.implement("_flash_attention_forward", new ForwardKernel(), Tensor.undefined());
        // A gradient of a wrong shape is what PyTorch refuses with an exception; an undefined one
        // would count as zero.
        library.implement("_flash_attention_backward", new BackwardKernel(), Tensor.emptyOnCpu());
    }

    /**
     * Registers kernels.
     *
     * @param dispatchKey PyTorch's dispatch key, for example {@code CPU} or {@code CUDA}
     * @param kernels the kernels
     * @return the registration; the one that exists if these kernels are registered already
     * @throws IllegalStateException if others are registered for this key
     */
    public static AttentionRegistration install(String dispatchKey, AttentionKernels kernels) {
        AttentionRegistration registration =
                INSTALLED.computeIfAbsent(
                        dispatchKey, key -> new AttentionRegistration(key, kernels));
        if (registration.kernels != kernels) {
            throw new IllegalStateException(
                    "other attention kernels are registered for "
                            + dispatchKey
                            + ": "
                            + registration.kernels
                            + "; close their registration first");
        }
        return registration;
    }

    /**
     * Tells whether kernels are registered.
     *
     * @param dispatchKey PyTorch's dispatch key
     * @return true if they are
     */
    public static boolean isInstalled(String dispatchKey) {
        return INSTALLED.containsKey(dispatchKey);
    }

    /**
     * Returns what backward threw last, once.
     *
     * @return the cause, or empty if nothing was thrown since the last call
     */
    public Optional<Throwable> takeBackwardFailure() {
        return Optional.ofNullable(backwardFailure.getAndSet(null));
    }

    /** Gives the operators back to what PyTorch had before. Closing twice is harmless. */
    @Override
    public void close() {
        if (INSTALLED.remove(dispatchKey, this)) {
            library.close();
        }
    }

    private final class ForwardKernel implements OperatorLibrary.Kernel {

        @Override
        public List<Tensor> run(KernelArguments in) {
            Tensor query = in.tensor();
            Tensor key = in.tensor();
            Tensor value = in.tensor();
            boolean packed = in.optionalTensor() != null | in.optionalTensor() != null;
            in.integer();
            in.integer();
            double dropout = in.real();
            boolean causal = in.flag();
            boolean debugMask = in.flag();
            var scale = in.optionalReal();
            var windowLeft = in.optionalInteger();
            var windowRight = in.optionalInteger();
            Tensor keyLengths = in.optionalTensor();
            boolean slopes = in.optionalTensor() != null;
            in.requireRestIsNone();
            if (packed || debugMask || slopes) {
                throw new UnsupportedOperationException(
                        "packed sequences, attention masks as output and ALiBi slopes are not"
                                + " supported");
            }
            Forward result =
                    kernels.forward(
                            new ForwardArguments(
                                    query,
                                    key,
                                    value,
                                    keyLengths,
                                    new Settings(dropout, causal, scale, windowLeft, windowRight)));
            return Arrays.asList(
                    result.output(),
                    result.logSumExp(),
                    result.randomState(),
                    result.extra(),
                    Tensor.emptyOnCpu());
        }

        @Override
        public void failed(Throwable cause) {
            AttentionOperator.forwardFailed(cause);
        }
    }

    private final class BackwardKernel implements OperatorLibrary.Kernel {

        @Override
        public List<Tensor> run(KernelArguments in) {
            Tensor outputGradient = in.tensor();
            Tensor query = in.tensor();
            Tensor key = in.tensor();
            Tensor value = in.tensor();
            Tensor output = in.tensor();
            Tensor logSumExp = in.tensor();
            boolean packed = in.tensor().isDefined() | in.tensor().isDefined();
            in.integer();
            in.integer();
            double dropout = in.real();
            boolean causal = in.flag();
            Tensor randomState = in.tensor();
            Tensor extra = in.tensor();
            Settings settings =
                    new Settings(
                            dropout,
                            causal,
                            in.optionalReal(),
                            in.optionalInteger(),
                            in.optionalInteger());
            in.requireRestIsNone();
            if (packed) {
                throw new UnsupportedOperationException("packed sequences are not supported");
            }
            Gradients gradients =
                    kernels.backward(
                            new BackwardArguments(
                                    outputGradient,
                                    query,
                                    key,
                                    value,
                                    output,
                                    logSumExp,
                                    randomState,
                                    extra,
                                    settings));
            return Arrays.asList(gradients.query(), gradients.key(), gradients.value());
        }

        @Override
        public void failed(Throwable cause) {
            backwardFailure.set(cause);
            logger.error("attention backward failed for {}", dispatchKey, cause);
        }
    }
}
