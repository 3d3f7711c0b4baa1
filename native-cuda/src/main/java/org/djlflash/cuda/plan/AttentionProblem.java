package org.djlflash.cuda.plan;

/**
 * The question: one attention over strided tensors on the GPU. Starts from {@link #of} and is
 * refined by the {@code with} methods. Immutable.
 *
 * @param element the type of query, key, value and output
 * @param shape the sizes
 * @param layouts how query, key, value and output lie in memory
 * @param scale what the scores are multiplied by
 * @param causal which keys a query may see
 * @param keyLengths whether every sequence has a length of its own, in device memory
 * @param bias the dense bias added to the scores
 * @param dropout the probability of dropping an attention weight
 * @param gradient which gradients will be asked for
 * @param deterministic whether gradients must be the same bits in every run
 * @param decode whether to split the keys over the GPU: few queries on a long cache
 * @param cache how the keys of a decode step are cached
 * @param splits into how many parts a decode step cuts the keys of a row, so that its result does
 *     not depend on the other rows; 0 for what suits the GPU
 */
public record AttentionProblem(
        ElementType element,
        AttentionShape shape,
        Layouts layouts,
        double scale,
        CausalAlignment causal,
        boolean keyLengths,
        BiasKind bias,
        double dropout,
        GradientNeed gradient,
        boolean deterministic,
        boolean decode,
        CacheLayout cache,
        int splits) {

    /** The values that a kept attention weight is chosen from: 16 random bits. */
    private static final int DROPOUT_STEPS = 1 << 16;

    /**
     * How the four tensors of a forward pass lie in memory. Immutable.
     *
     * @param query of query
     * @param key of key
     * @param value of value
     * @param output of the output
     */
    public record Layouts(
            TensorLayout query, TensorLayout key, TensorLayout value, TensorLayout output) {

        /**
         * Returns the layouts of contiguous tensors.
         *
         * @param shape the sizes
         * @return the layouts
         */
        public static Layouts contiguous(AttentionShape shape) {
            TensorLayout query =
                    TensorLayout.contiguous(shape.queryHeads(), shape.queries(), shape.headSize());
            TensorLayout key =
                    TensorLayout.contiguous(shape.keyHeads(), shape.keys(), shape.headSize());
            return new Layouts(query, key, key, query);
        }

        @Override
        public String toString() {
            return "q" + query + " k" + key + " v" + value + " o" + output;
        }
    }

    /** A problem on its way to differ in one value. */
    private static final class Copy {

        private final ElementType element;
        private final AttentionShape shape;
        private Layouts layouts;
        private double scale;
        private CausalAlignment causal;
        private boolean keyLengths;
        private BiasKind bias;
        private double dropout;
        private GradientNeed gradient;
        private boolean deterministic;
        private boolean decode;
        private CacheLayout cache;
        private int splits;

        Copy(AttentionProblem problem) {
            element = problem.element;
            shape = problem.shape;
            layouts = problem.layouts;
            scale = problem.scale;
            causal = problem.causal;
            keyLengths = problem.keyLengths;
            bias = problem.bias;
            dropout = problem.dropout;
            gradient = problem.gradient;
            deterministic = problem.deterministic;
            decode = problem.decode;
            cache = problem.cache;
            splits = problem.splits;
        }

        AttentionProblem build() {
            return new AttentionProblem(
                    element,
                    shape,
                    layouts,
                    scale,
                    causal,
                    keyLengths,
                    bias,
                    dropout,
                    gradient,
                    deterministic,
                    decode,
                    cache,
                    splits);
        }
    }

    /**
     * Returns full attention over contiguous tensors, scaled by one over the root of the head size,
     * without gradients.
     *
     * @param element the type of query, key, value and output
     * @param shape the sizes
     * @return the problem
     */
    public static AttentionProblem of(ElementType element, AttentionShape shape) {
        return new AttentionProblem(
                element,
                shape,
                Layouts.contiguous(shape),
                1 / Math.sqrt(shape.headSize()),
                CausalAlignment.NONE,
                false,
                BiasKind.NONE,
                0,
                GradientNeed.NONE,
                false,
                false,
                CacheLayout.CONTIGUOUS,
                0);
    }

    /**
     * Returns a copy with another value.
     *
     * @param value how the tensors lie in memory
     * @return the copy
     */
    public AttentionProblem withLayouts(Layouts value) {
        Copy copy = new Copy(this);
        copy.layouts = value;
        return copy.build();
    }

    /**
     * Returns a copy with another value.
     *
     * @param value what the scores are multiplied by
     * @return the copy
     */
    public AttentionProblem withScale(double value) {
        Copy copy = new Copy(this);
        copy.scale = value;
        return copy.build();
    }

    /**
     * Returns a copy with another value.
     *
     * @param value which keys a query may see
     * @return the copy
     */
    public AttentionProblem withCausal(CausalAlignment value) {
        Copy copy = new Copy(this);
        copy.causal = value;
        return copy.build();
    }

    /**
     * Returns a copy with another value.
     *
     * @param value whether every sequence has a length of its own
     * @return the copy
     */
    public AttentionProblem withKeyLengths(boolean value) {
        Copy copy = new Copy(this);
        copy.keyLengths = value;
        return copy.build();
    }

    /**
     * Returns a copy with another value.
     *
     * @param value the dense bias
     * @return the copy
     */
    public AttentionProblem withBias(BiasKind value) {
        Copy copy = new Copy(this);
        copy.bias = value;
        return copy.build();
    }

    /**
     * Returns a copy with another value.
     *
     * @param value the probability of dropping an attention weight
     * @return the copy
     */
    public AttentionProblem withDropout(double value) {
        Copy copy = new Copy(this);
        copy.dropout = value;
        return copy.build();
    }

    /**
     * Returns a copy with another value.
     *
     * @param value which gradients will be asked for
     * @return the copy
     */
    public AttentionProblem withGradient(GradientNeed value) {
        Copy copy = new Copy(this);
        copy.gradient = value;
        return copy.build();
    }

    /**
     * Returns a copy with another value.
     *
     * @param value whether gradients must be the same bits in every run
     * @return the copy
     */
    public AttentionProblem withDeterministic(boolean value) {
        Copy copy = new Copy(this);
        copy.deterministic = value;
        return copy.build();
    }

    /**
     * Returns a copy with another value.
     *
     * @param value whether to split the keys over the GPU
     * @return the copy
     */
    public AttentionProblem withDecode(boolean value) {
        Copy copy = new Copy(this);
        copy.decode = value;
        return copy.build();
    }

    /**
     * Returns a copy with another value.
     *
     * @param value how the keys of a decode step are cached
     * @return the copy
     */
    public AttentionProblem withCache(CacheLayout value) {
        Copy copy = new Copy(this);
        copy.cache = value;
        return copy.build();
    }

    /**
     * Returns a copy with another value.
     *
     * @param value into how many parts a decode step cuts the keys of a row, 0 for what suits the
     *     GPU
     * @return the copy
     */
    public AttentionProblem withSplits(int value) {
        Copy copy = new Copy(this);
        copy.splits = value;
        return copy.build();
    }

    /**
     * Returns the sizes of keys and values in memory.
     *
     * @return B, key heads and F; with pages these, key heads and the keys of a page
     */
    public long[] keySizes() {
        return cache.isPaged()
                ? new long[] {cache.pages(), shape.keyHeads(), cache.pageKeys()}
                : new long[] {shape.batch(), shape.keyHeads(), shape.keys()};
    }

    /**
     * Returns the limit of the 16 random bits below which an attention weight is kept.
     *
     * @return 1 to 65536; 65536 without dropout
     */
    public int keepThreshold() {
        long threshold = Math.round((1 - dropout) * DROPOUT_STEPS);
        return (int) Math.max(1, Math.min(DROPOUT_STEPS, threshold));
    }

    /**
     * Returns what a kept weight is multiplied by, from the limit rather than the probability, so
     * that the expected sum stays exact.
     *
     * @return 1 or more
     */
    public float keepScale() {
        return (float) DROPOUT_STEPS / keepThreshold();
    }

    @Override
    public String toString() {
        return "%s %s %s scale=%s causal=%s lengths=%s bias=%s dropout=%s gradient=%s%s%s%s%s"
                .formatted(
                        element,
                        shape,
                        layouts,
                        scale,
                        causal,
                        keyLengths,
                        bias,
                        dropout,
                        gradient,
                        deterministic ? " deterministic" : "",
                        decode ? " decode" : "",
                        cache.equals(CacheLayout.CONTIGUOUS) ? "" : " " + cache,
                        splits == 0 ? "" : " splits=" + splits);
    }
}
