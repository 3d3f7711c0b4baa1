package org.djlflash;

import static org.djlflash.OptionsTest.B;
import static org.djlflash.OptionsTest.F;
import static org.djlflash.OptionsTest.H;
import static org.djlflash.OptionsTest.N;
import static org.djlflash.OptionsTest.T;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import java.util.Random;
import java.util.stream.Stream;
import org.djlflash.testkit.Closeness;
import org.djlflash.testkit.DoubleAttention;
import org.djlflash.testkit.RequiresGpu;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Masks and biases of every shape and strides on our kernels. */
@RequiresGpu
class OptionsGpuTest {

    private NDManager manager;

    static Stream<Arguments> shapes() {
        return Stream.of(DataType.FLOAT16, DataType.FLOAT32)
                .flatMap(type -> OptionsTest.shapes().map(shape -> Arguments.of(shape, type)));
    }

    @BeforeEach
    void open() {
        manager = NDManager.newBaseManager(Device.gpu(), "PyTorch");
    }

    @AfterEach
    void close() {
        manager.close();
    }

    @ParameterizedTest
    @MethodSource("shapes")
    void maskIsBroadcast(Shape shape, DataType type) {
        boolean[] seen = mask(shape);
        check(
                type,
                options().optMask(manager.create(seen, shape)),
                (b, n, t, f) -> seen[OptionsTest.index(shape, b, n, t, f)],
                null);
    }

    @ParameterizedTest
    @MethodSource("shapes")
    void biasIsBroadcast(Shape shape, DataType type) {
        NDArray bias = Fixtures.gaussian(manager, 10, shape.getShape()).toType(type, false);
        double[] values = Closeness.toDoubles(bias);
        check(
                type,
                options().optBias(bias),
                (b, n, t, f) -> true,
                full((b, n, t, f) -> values[OptionsTest.index(shape, b, n, t, f)]));
    }

    @ParameterizedTest
    @EnumSource(names = {"FLOAT16", "FLOAT32"})
    void stridesAreFollowed(DataType type) {
        NDArray bias = Fixtures.gaussian(manager, 11, F, T).toType(type, false);
        double[] values = Closeness.toDoubles(bias);
        boolean[] seen = mask(new Shape(F, T));
        check(
                type,
                options()
                        .optBias(bias.transpose())
                        .optMask(manager.create(seen, new Shape(F, T)).transpose()),
                (b, n, t, f) -> seen[f * T + t],
                full((b, n, t, f) -> values[f * T + t]));
    }

    private static AttentionOptions.Builder options() {
        return AttentionOptions.builder().optScale(0.3).optBackend(Backend.CUDA);
    }

    private static boolean[] mask(Shape shape) {
        Random random = new Random(5);
        boolean[] seen = new boolean[(int) shape.size()];
        for (int i = 0; i < seen.length; i++) {
            seen[i] = random.nextInt(3) > 0;
        }
        return seen;
    }

    /** A number for each score. */
    private interface Scores {
        double at(int b, int n, int t, int f);
    }

    private static double[] full(Scores scores) {
        double[] full = new double[B * N * T * F];
        OptionsTest.forEachScore((at, b, n, t, f) -> full[at] = scores.at(b, n, t, f));
        return full;
    }

    private void check(
            DataType type,
            AttentionOptions.Builder options,
            DoubleAttention.Visibility sees,
            double[] bias) {
        NDArray query = array(type, 1, N, T);
        NDArray key = array(type, 2, 2, F);
        NDArray value = array(type, 3, 2, F);
        Closeness.assertClose(
                "output",
                Fixtures.expected(query, key, value, query.zerosLike(), 0.3, sees, bias).output(),
                FlashAttention.attend(query, key, value, options.build()),
                type == DataType.FLOAT16 ? 4e-3 : 2e-5);
    }

    private NDArray array(DataType type, int seed, int heads, int tokens) {
        return Fixtures.gaussian(manager, seed, B, heads, tokens, H).toType(type, false);
    }
}
