package org.djlflash.examples.bench;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.djlflash.examples.bench.Implementation.Step;
import org.djlflash.torch.ScalarType;
import org.djlflash.torch.Tensor;

/**
 * What a result should be: attention by its definition in FLOAT64, or for 16-bit operands in
 * FLOAT32 where that would take long, some heads at a time.
 *
 * <p>The rule is FlashAttention's: a result may be twice as far off as attention by its definition
 * in the operands' own type, gradients three times. Owns its tensors.
 */
final class Reference implements AutoCloseable {

    private static final List<String> NAMES =
            List.of(
                    "output",
                    "gradient of the query",
                    "gradient of the key",
                    "gradient of the value");

    private static final double OUTPUT_FACTOR = 2;
    private static final double GRADIENT_FACTOR = 3;

    /** What rounding leaves where the definition happens to be exact. */
    private static final double FLOOR = 1e-5;

    private static final double FLOAT32_FLOOR = 1e-6;

    /** So many operations of the forward pass are done in FLOAT64. */
    private static final double SMALL_FLOPS = 1e11;

    /** Heads are taken together up to so many bytes of scores. */
    private static final long SCORE_BYTES = 1L << 30;

    private final NDManager manager;
    private final ScalarType precision;
    private final double floor;
    private final List<Tensor> wanted = new ArrayList<>();
    private final List<Double> errors = new ArrayList<>();

    private Reference(NDManager manager, ScalarType precision, double floor) {
        this.manager = manager;
        this.precision = precision;
        this.floor = floor;
    }

    /**
     * Computes a reference.
     *
     * @param in the operands, of as many key heads as query heads
     * @param outputGradient the gradient of the output, or null for the output alone
     * @param causal whether query i sees keys 0 to i only
     * @param manager a manager on the GPU
     * @return the reference
     */
    static Reference of(Operands in, Tensor outputGradient, boolean causal, NDManager manager) {
        long[] q = in.query().sizes();
        long keys = in.key().sizes()[2];
        double flops = 4.0 * q[0] * q[1] * q[2] * keys * q[3];
        boolean wide = in.query().type() == ScalarType.FLOAT32;
        ScalarType precision =
                wide || flops <= SMALL_FLOPS ? ScalarType.FLOAT64 : ScalarType.FLOAT32;
        Reference reference = new Reference(manager, precision, wide ? FLOAT32_FLOOR : FLOOR);
        try (MathAttention exact = new MathAttention(manager, precision, q[2], keys, q[3]);
                MathAttention plain =
                        new MathAttention(manager, in.query().type(), q[2], keys, q[3])) {
            reference.allocate(in, outputGradient != null);
            long heads = Math.max(1, SCORE_BYTES / (precision.bytes() * q[2] * keys));
            for (long row = 0; row < q[0]; row++) {
                for (long head = 0; head < q[1]; head += heads) {
                    long count = Math.min(heads, q[1] - head);
                    reference.add(in, outputGradient, causal, row, head, count, exact, plain);
                }
            }
            return reference;
        } catch (RuntimeException e) {
            reference.close();
            throw e;
        }
    }

    private void allocate(Operands in, boolean gradients) {
        Tensor query = in.query();
        wanted.add(Tensor.empty(ScalarType.FLOAT32, query, query.sizes()));
        for (Tensor operand : List.of(in.query(), in.key(), in.value())) {
            if (gradients) {
                wanted.add(Tensor.empty(ScalarType.FLOAT32, operand, operand.sizes()));
            }
        }
        wanted.forEach(tensor -> errors.add(0.0));
    }

    private void add(
            Operands in,
            Tensor outputGradient,
            boolean causal,
            long row,
            long head,
            long count,
            MathAttention exact,
            MathAttention plain) {
        try (Operands part =
                        new Operands(
                                Views.heads(in.query(), row, head, count),
                                Views.heads(in.key(), row, head, count),
                                Views.heads(in.value(), row, head, count));
                Operands precise =
                        new Operands(
                                part.query().copy(precision),
                                part.key().copy(precision),
                                part.value().copy(precision));
                Tensor gradient =
                        outputGradient == null
                                ? null
                                : Views.heads(outputGradient, row, head, count);
                Tensor preciseGradient = gradient == null ? null : gradient.copy(precision)) {
            List<Tensor> right = results(exact, precise, preciseGradient, causal);
            List<Tensor> rounded = results(plain, part, gradient, causal);
            for (int i = 0; i < wanted.size(); i++) {
                try (Tensor place = Views.heads(wanted.get(i), row, head, count);
                        Tensor value = right.get(i);
                        Tensor other = rounded.get(i)) {
                    place.copyFrom(value);
                    errors.set(i, Math.max(errors.get(i), distance(other, place)));
                }
            }
        }
    }

    private static List<Tensor> results(
            Implementation implementation, Operands in, Tensor outputGradient, boolean causal) {
        List<Tensor> results = new ArrayList<>();
        try (Step step = implementation.forward(in, causal)) {
            Tensor output = step.output();
            results.add(output.view(output.sizes(), output.strides(), 0));
            if (outputGradient != null) {
                results.addAll(step.gradients(outputGradient));
            }
        }
        return results;
    }

    /** Returns the type that the reference was computed in. */
    ScalarType precision() {
        return precision;
    }

    /** Says what is wrong with an output; empty if nothing is. */
    Optional<String> mistakeInOutput(Tensor output) {
        return mistake(0, output, OUTPUT_FACTOR);
    }

    /** Says what is wrong with the gradients of query, key and value; empty if nothing is. */
    Optional<String> mistakeInGradients(List<Tensor> gradients) {
        for (int i = 0; i < gradients.size(); i++) {
            Optional<String> mistake = mistake(1 + i, gradients.get(i), GRADIENT_FACTOR);
            if (mistake.isPresent()) {
                return mistake;
            }
        }
        return Optional.empty();
    }

    private Optional<String> mistake(int index, Tensor result, double factor) {
        double error = distance(result, wanted.get(index));
        double limit = factor * errors.get(index) + floor;
        // NaN is within no limit.
        if (error <= limit) {
            return Optional.empty();
        }
        return Optional.of(
                String.format(
                        Locale.ROOT,
                        "wrong: %s is off by %.3g, allowed is %.3g",
                        NAMES.get(index),
                        error,
                        limit));
    }

    /** Returns the largest difference, NaN if there is one. */
    private double distance(Tensor one, Tensor other) {
        try (NDManager scope = manager.newSubManager()) {
            NDArray a = one.copy(ScalarType.FLOAT32).toArray(scope);
            NDArray b = other.copy(ScalarType.FLOAT32).toArray(scope);
            a.subi(b);
            return a.abs().max().getFloat();
        }
    }

    @Override
    public void close() {
        wanted.forEach(Tensor::close);
    }
}
