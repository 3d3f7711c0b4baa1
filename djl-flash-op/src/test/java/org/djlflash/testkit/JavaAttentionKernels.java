package org.djlflash.testkit;

import java.util.Arrays;
import org.djlflash.autograd.AttentionKernels;
import org.djlflash.torch.ScalarType;
import org.djlflash.torch.Tensor;

/**
 * Attention on the CPU in plain Java and double precision, for tests of what lies between PyTorch
 * and a kernel. The backward works from the saved log-sum-exp and output, as FlashAttention does.
 *
 * <p>Any floating type, any strides. No dropout.
 */
public final class JavaAttentionKernels implements AttentionKernels {

    @Override
    public Forward forward(ForwardArguments arguments) {
        Problem p =
                new Problem(
                        arguments.query(),
                        arguments.key(),
                        arguments.value(),
                        arguments.keyLengths(),
                        arguments.settings());
        double[] output = new double[p.q.length];
        double[] logSumExp = new double[p.batch * p.heads * p.queries];
        p.forEachRow(row -> forward(p, row, output, logSumExp));
        Tensor like = arguments.query();
        return new Forward(
                write(output, like),
                write(logSumExp, ScalarType.FLOAT32, like, p.batch, p.heads, p.queries),
                Tensor.emptyOnCpu(),
                arguments.keyLengths() == null
                        ? Tensor.emptyOnCpu()
                        : copy(arguments.keyLengths(), ScalarType.INT32));
    }

    private static void forward(Problem p, Row row, double[] output, double[] logSumExp) {
        double max = Double.NEGATIVE_INFINITY;
        for (int f = 0; f < p.keys; f++) {
            if (p.sees(row, f)) {
                max = Math.max(max, p.score(row, f));
            }
        }
        double sum = 0;
        for (int f = 0; f < p.keys; f++) {
            if (p.sees(row, f)) {
                double weight = Math.exp(p.score(row, f) - max);
                sum += weight;
                for (int h = 0; h < p.headSize; h++) {
                    output[p.query(row) + h] += weight * p.v[p.key(row, f) + h];
                }
            }
        }
        for (int h = 0; h < p.headSize && sum > 0; h++) {
            output[p.query(row) + h] /= sum;
        }
        logSumExp[p.rowIndex(row)] = max + Math.log(sum);
    }

    @Override
    public Gradients backward(BackwardArguments arguments) {
        Tensor extra = arguments.extra();
        Problem p =
                new Problem(
                        arguments.query(),
                        arguments.key(),
                        arguments.value(),
                        extra.sizes()[0] == 0 ? null : extra,
                        arguments.settings());
        double[] outputGradient = read(arguments.outputGradient());
        double[] output = read(arguments.output());
        double[] logSumExp = read(arguments.logSumExp());
        double[] dq = new double[p.q.length];
        double[] dk = new double[p.k.length];
        double[] dv = new double[p.v.length];
        p.forEachRow(
                row -> {
                    int i = p.query(row);
                    double mean = p.dot(outputGradient, i, output, i);
                    for (int f = 0; f < p.keys; f++) {
                        if (!p.sees(row, f)) {
                            continue;
                        }
                        int j = p.key(row, f);
                        double weight = Math.exp(p.score(row, f) - logSumExp[p.rowIndex(row)]);
                        double ds = weight * (p.dot(outputGradient, i, p.v, j) - mean) * p.scale;
                        for (int h = 0; h < p.headSize; h++) {
                            dq[i + h] += ds * p.k[j + h];
                            dk[j + h] += ds * p.q[i + h];
                            dv[j + h] += weight * outputGradient[i + h];
                        }
                    }
                });
        return new Gradients(
                write(dq, arguments.query()),
                write(dk, arguments.key()),
                write(dv, arguments.value()));
    }

    /** One query of one head. */
    private record Row(int batch, int query, int head) {}

    /** What a row does. */
    private interface RowAction {
        void run(Row row);
    }

    /** The inputs as row-major doubles, queries (B, T, N, H), keys and values (B, F, heads, H). */
    private static final class Problem {

        final double[] q;
        final double[] k;
        final double[] v;
        final int batch;
        final int queries;
        final int heads;
        final int headSize;
        final int keys;
        final int keyHeads;
        final double scale;
        private final int[] lengths;
        private final Settings settings;

        Problem(Tensor query, Tensor key, Tensor value, Tensor keyLengths, Settings settings) {
            long[] sizes = query.sizes();
            batch = (int) sizes[0];
            queries = (int) sizes[1];
            heads = (int) sizes[2];
            headSize = (int) sizes[3];
            keys = (int) key.sizes()[1];
            keyHeads = (int) key.sizes()[2];
            scale = settings.scale().orElse(1 / Math.sqrt(headSize));
            q = read(query);
            k = read(key);
            v = read(value);
            lengths = new int[batch];
            Arrays.fill(lengths, keys);
            if (keyLengths != null) {
                double[] values = read(keyLengths);
                Arrays.setAll(lengths, b -> (int) values[b]);
            }
            this.settings = settings;
        }

        void forEachRow(RowAction action) {
            for (int b = 0; b < batch; b++) {
                for (int t = 0; t < queries; t++) {
                    for (int n = 0; n < heads; n++) {
                        action.run(new Row(b, t, n));
                    }
                }
            }
        }

        boolean sees(Row row, int key) {
            int diagonal = row.query + lengths[row.batch] - queries;
            return key < lengths[row.batch]
                    && (!settings.causal() || key <= diagonal)
                    && key >= diagonal - settings.windowLeft().orElse(Integer.MAX_VALUE)
                    && key <= diagonal + settings.windowRight().orElse(Integer.MAX_VALUE);
        }

        double score(Row row, int key) {
            return scale * dot(q, query(row), k, key(row, key));
        }

        double dot(double[] a, int i, double[] b, int j) {
            double sum = 0;
            for (int h = 0; h < headSize; h++) {
                sum += a[i + h] * b[j + h];
            }
            return sum;
        }

        int query(Row row) {
            return ((row.batch * queries + row.query) * heads + row.head) * headSize;
        }

        int key(Row row, int key) {
            int keyHead = row.head / (heads / keyHeads);
            return ((row.batch * keys + key) * keyHeads + keyHead) * headSize;
        }

        int rowIndex(Row row) {
            return (row.batch * heads + row.head) * queries + row.query;
        }
    }

    private static double[] read(Tensor tensor) {
        try (Tensor doubles = copy(tensor, ScalarType.FLOAT64)) {
            int count = count(tensor.sizes());
            return count == 0 ? new double[0] : doubles.hostPointer().getDoubleArray(0, count);
        }
    }

    private static Tensor write(double[] values, Tensor like) {
        return write(values, like.type(), like, like.sizes());
    }

    private static Tensor write(double[] values, ScalarType type, Tensor like, long... sizes) {
        try (Tensor doubles = Tensor.empty(ScalarType.FLOAT64, like, sizes)) {
            if (values.length > 0) {
                doubles.hostPointer().write(0, values, 0, values.length);
            }
            return copy(doubles, type);
        }
    }

    /** A row-major copy of any strides and type. */
    private static Tensor copy(Tensor tensor, ScalarType type) {
        Tensor copy = Tensor.empty(type, tensor, tensor.sizes());
        copy.copyFrom(tensor);
        return copy;
    }

    private static int count(long... sizes) {
        return (int) Arrays.stream(sizes).reduce(1, Math::multiplyExact);
    }
}
