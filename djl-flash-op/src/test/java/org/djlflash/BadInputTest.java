package org.djlflash;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.util.passthrough.PassthroughNDManager;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.djlflash.torch.ScalarType;
import org.djlflash.torch.TorchOps;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** What cannot be computed is refused in words, before anything native runs. */
class BadInputTest {

    private static final Consumer<NDManager> PLAIN = m -> attend(m, "2,4,3,8", "2,2,5,8");

    static Stream<Refusal> arrays() {
        return Stream.of(
                refusal(
                        "query null",
                        m -> FlashAttention.attend(null, zeros(m, "2,4,3,8"), zeros(m, "2,4,3,8")),
                        "query is null",
                        "allowed is an array"),
                refusal(
                        "key null",
                        m -> FlashAttention.attend(zeros(m, "2,4,3,8"), null, zeros(m, "2,4,3,8")),
                        "key is null",
                        "allowed is an array"),
                refusal(
                        "value null",
                        m -> FlashAttention.attend(zeros(m, "2,4,3,8"), zeros(m, "2,4,3,8"), null),
                        "value is null",
                        "allowed is an array"),
                refusal(
                        "options null",
                        m -> attend(m, "2,4,3,8", "2,2,5,8", null),
                        "options is null",
                        "allowed"),
                refusal(
                        "rank 2",
                        m -> attend(m, "3,8", "3,8"),
                        "query of shape (3, 8)",
                        "allowed is (B, N, T, H)"),
                refusal(
                        "rank 3",
                        m -> attend(m, "4,3,8", "4,3,8"),
                        "query of shape (4, 3, 8)",
                        "allowed is (B, N, T, H)"),
                refusal(
                        "rank 5",
                        m -> attend(m, "1,2,4,3,8", "2,4,3,8"),
                        "query of shape (1, 2, 4, 3, 8)",
                        "allowed is (B, N, T, H)"),
                refusal(
                        "rank 3 of key, tokens first",
                        m ->
                                attend(
                                        m,
                                        "2,3,4,8",
                                        "2,5,8",
                                        AttentionOptions.builder()
                                                .optLayout(AttentionLayout.BTNH)
                                                .build()),
                        "key of shape (2, 5, 8)",
                        "allowed is (B, T, N, H)"),
                refusal(
                        "key and value differ",
                        m ->
                                FlashAttention.attend(
                                        zeros(m, "2,4,3,8"),
                                        zeros(m, "2,4,5,8"),
                                        zeros(m, "2,4,6,8")),
                        "value of shape (2, 4, 6, 8)",
                        "allowed is the shape of key: (2, 4, 5, 8)"),
                refusal(
                        "head size of value differs",
                        m ->
                                FlashAttention.attend(
                                        zeros(m, "2,4,3,8"),
                                        zeros(m, "2,4,5,8"),
                                        zeros(m, "2,4,5,16")),
                        "value of shape (2, 4, 5, 16)",
                        "allowed is the shape of key: (2, 4, 5, 8)"),
                refusal(
                        "batch sizes differ",
                        m -> attend(m, "2,4,3,8", "3,4,5,8"),
                        "batch sizes 2 and 3",
                        "allowed are equal ones"),
                refusal(
                        "batch of one is not broadcast",
                        m -> attend(m, "2,4,3,8", "1,4,5,8"),
                        "batch sizes 2 and 1",
                        "allowed are equal ones"),
                refusal(
                        "empty batch",
                        m -> attend(m, "0,4,3,8", "0,4,5,8"),
                        "batch sizes 0 and 0",
                        "at least 1"),
                refusal(
                        "head sizes differ",
                        m -> attend(m, "2,4,3,8", "2,4,5,16"),
                        "head sizes 8 and 16",
                        "allowed are equal ones"),
                refusal(
                        "head size 0",
                        m -> attend(m, "2,4,3,0", "2,4,5,0"),
                        "head sizes 0 and 0",
                        "at least 1"),
                refusal(
                        "key heads are no divisor",
                        m -> attend(m, "2,4,3,8", "2,3,5,8"),
                        "4 query heads and 3 key heads",
                        "a divisor"),
                refusal(
                        "more key heads than query heads",
                        m -> attend(m, "2,4,3,8", "2,8,5,8"),
                        "4 query heads and 8 key heads",
                        "a divisor"),
                refusal(
                        "no heads",
                        m -> attend(m, "2,0,3,8", "2,0,5,8"),
                        "0 query heads and 0 key heads",
                        "at least 1"),
                refusal(
                        "no key heads",
                        m -> attend(m, "2,4,3,8", "2,0,5,8"),
                        "4 query heads and 0 key heads",
                        "at least 1"),
                refusal(
                        "types differ",
                        m ->
                                FlashAttention.attend(
                                        zeros(m, "2,4,3,8").toType(DataType.FLOAT16, false),
                                        zeros(m, "2,4,5,8"),
                                        zeros(m, "2,4,5,8")),
                        "key is float32",
                        "allowed is the type of query: float16"),
                refusal(
                        "type of value differs",
                        m ->
                                FlashAttention.attend(
                                        zeros(m, "2,4,3,8"),
                                        zeros(m, "2,4,5,8"),
                                        zeros(m, "2,4,5,8").toType(DataType.FLOAT64, false)),
                        "value is float64",
                        "allowed is the type of query: float32"),
                ofType(DataType.INT8),
                ofType(DataType.INT32),
                ofType(DataType.INT64),
                ofType(DataType.UINT8),
                ofType(DataType.BOOLEAN),
                refusal(
                        "key bfloat16",
                        m ->
                                FlashAttention.attend(
                                        zeros(m, "2,4,3,8"),
                                        bfloat16(m, "2,4,5,8"),
                                        zeros(m, "2,4,5,8")),
                        "key is bfloat16",
                        "allowed is the type of query: float32"),
                refusal(
                        "another engine's array",
                        m ->
                                FlashAttention.attend(
                                        zeros(m, "2,4,3,8"),
                                        PassthroughNDManager.INSTANCE.create((Object) "no tensor"),
                                        zeros(m, "2,4,5,8")),
                        "key is a PassthroughNDArray",
                        "allowed are arrays of the engine PyTorch"));
    }

    static Stream<Refusal> closed() {
        return Stream.of(
                closed(
                        "closed array",
                        m -> {
                            NDArray key = zeros(m, "2,4,5,8");
                            key.close();
                            FlashAttention.attend(zeros(m, "2,4,3,8"), key, key);
                        },
                        "key is closed",
                        "allowed is an open array"),
                closed(
                        "closed manager",
                        m -> {
                            NDManager other = m.newSubManager();
                            NDArray query = zeros(other, "2,4,3,8");
                            other.close();
                            FlashAttention.attend(query, zeros(m, "2,4,5,8"), zeros(m, "2,4,5,8"));
                        },
                        "query is closed",
                        "allowed is an open array"),
                closed(
                        "closed mask",
                        m -> {
                            NDArray mask = m.ones(new Shape(3, 5), DataType.BOOLEAN);
                            AttentionOptions options =
                                    AttentionOptions.builder().optMask(mask).build();
                            mask.close();
                            attend(m, "2,4,3,8", "2,2,5,8", options);
                        },
                        "mask is closed",
                        "allowed is an open array"),
                closed(
                        "closed bias",
                        m -> {
                            NDArray bias = zeros(m, "3,5");
                            AttentionOptions options =
                                    AttentionOptions.builder().optBias(bias).build();
                            bias.close();
                            attend(m, "2,4,3,8", "2,2,5,8", options);
                        },
                        "bias is closed",
                        "allowed is an open array"),
                closed(
                        "closed key lengths",
                        m -> {
                            NDArray lengths = m.create(new long[] {5, 2});
                            lengths.close();
                            AttentionOptions.builder().optKeyLengths(lengths);
                        },
                        "key lengths is closed",
                        "allowed is an open array"));
    }

    static Stream<Refusal> options() {
        return Stream.of(
                option(
                        "scale NaN",
                        m -> AttentionOptions.builder().optScale(Double.NaN),
                        m -> AttentionOptions.builder().optScale(0),
                        "scale NaN",
                        "allowed are finite numbers"),
                option(
                        "scale infinite",
                        m -> AttentionOptions.builder().optScale(Double.NEGATIVE_INFINITY),
                        m -> AttentionOptions.builder().optScale(-1),
                        "scale -Infinity",
                        "allowed are finite numbers"),
                option(
                        "dropout negative",
                        m -> AttentionOptions.builder().optDropout(-0.1f),
                        m -> AttentionOptions.builder().optDropout(0),
                        "dropout -0.1",
                        "allowed is 0 (included) to 1 (excluded)"),
                option(
                        "dropout 1",
                        m -> AttentionOptions.builder().optDropout(1),
                        m -> AttentionOptions.builder().optDropout(0.999f),
                        "dropout 1.0",
                        "allowed is 0 (included) to 1 (excluded)"),
                option(
                        "dropout NaN",
                        m -> AttentionOptions.builder().optDropout(Float.NaN),
                        m -> AttentionOptions.builder().optDropout(0.5f),
                        "dropout NaN",
                        "allowed is 0 (included) to 1 (excluded)"),
                option(
                        "compute type",
                        m -> AttentionOptions.builder().optComputeType(DataType.INT8),
                        m -> AttentionOptions.builder().optComputeType(DataType.BFLOAT16),
                        "compute type int8",
                        "allowed are [float32, float64, float16, bfloat16]"),
                option(
                        "compute type null",
                        m -> AttentionOptions.builder().optComputeType(null),
                        m -> AttentionOptions.builder().optComputeType(DataType.FLOAT16),
                        "compute type null",
                        "allowed are [float32, float64, float16, bfloat16]"),
                option(
                        "causal null",
                        m -> AttentionOptions.builder().optCausal(null),
                        m -> AttentionOptions.builder().optCausal(CausalAlignment.TOP_LEFT),
                        "causal alignment null",
                        "BOTTOM_RIGHT"),
                option(
                        "layout null",
                        m -> AttentionOptions.builder().optLayout(null),
                        m -> AttentionOptions.builder().optLayout(AttentionLayout.BTNH),
                        "layout null",
                        "allowed are [BNTH, BTNH]"),
                option(
                        "lengths null",
                        m -> AttentionOptions.builder().optKeyLengths((long[]) null),
                        m -> AttentionOptions.builder().optKeyLengths(1, 2),
                        "key lengths null",
                        "allowed are one for each batch row"),
                option(
                        "lengths array null",
                        m -> AttentionOptions.builder().optKeyLengths((NDArray) null),
                        m -> AttentionOptions.builder().optKeyLengths(m.create(new int[] {3, 5})),
                        "key lengths is null",
                        "allowed is an array"),
                option(
                        "lengths of rank 2",
                        m -> AttentionOptions.builder().optKeyLengths(m.create(new int[1][2])),
                        m -> AttentionOptions.builder().optKeyLengths(m.create(new int[2])),
                        "key lengths of shape (1, 2)",
                        "allowed is (B)"),
                option(
                        "lengths of floats",
                        m -> AttentionOptions.builder().optKeyLengths(m.create(new float[2])),
                        m -> AttentionOptions.builder().optKeyLengths(m.create(new long[2])),
                        "key lengths of type float32",
                        "allowed are int32 and int64"),
                option(
                        "row length without lengths",
                        m ->
                                AttentionOptions.builder()
                                        .optCausal(CausalAlignment.ROW_LENGTH)
                                        .build(),
                        m ->
                                AttentionOptions.builder()
                                        .optCausal(CausalAlignment.ROW_LENGTH)
                                        .optKeyLengths(1, 2)
                                        .build(),
                        "ROW_LENGTH needs key lengths",
                        "found none"),
                lengths("negative length", new long[] {3, -1}, "key length -1 of row 1", "0 to 5"),
                lengths("length too large", new long[] {6, 5}, "key length 6 of row 0", "0 to 5"),
                lengths("too few lengths", new long[] {5}, "1 key lengths", "each of 2 batch rows"),
                lengths("no lengths", new long[0], "0 key lengths", "each of 2 batch rows"),
                mask(
                        "mask too wide",
                        DataType.BOOLEAN,
                        "3,6",
                        "mask of shape (3, 6)",
                        "2, 4, 3, 5"),
                mask(
                        "mask of rank 5",
                        DataType.BOOLEAN,
                        "1,2,4,3,5",
                        "mask of shape",
                        "2, 4, 3, 5"),
                mask("mask empty", DataType.BOOLEAN, "0,5", "mask of shape (0, 5)", "2, 4, 3, 5"),
                mask(
                        "mask by key heads",
                        DataType.BOOLEAN,
                        "2,2,3,5",
                        "(2, 2, 3, 5)",
                        "broadcasts"),
                mask(
                        "mask of floats",
                        DataType.FLOAT32,
                        "3,5",
                        "mask is float32",
                        "boolean on cpu"),
                mask("mask of bytes", DataType.UINT8, "3,5", "mask is uint8", "boolean on cpu"),
                bias(
                        "bias too high",
                        DataType.FLOAT32,
                        "4,5",
                        "bias of shape (4, 5)",
                        "2, 4, 3, 5"),
                bias("bias double", DataType.FLOAT64, "3,5", "bias is float64", "float32 on cpu"),
                bias("bias boolean", DataType.BOOLEAN, "3,5", "bias is boolean", "float32 on cpu"),
                option(
                        "bias bfloat16",
                        m -> withBias(m, bfloat16(m, "3,5")),
                        m -> withBias(m, zeros(m, "3,5")),
                        "bias is ",
                        "allowed is float32 on cpu"));
    }

    @ParameterizedTest
    @MethodSource({"arrays", "closed", "options"})
    void isRefusedInWords(Refusal refusal) {
        refusal.verify();
    }

    @ParameterizedTest
    @EnumSource(value = Backend.class, names = "CUDA", mode = EnumSource.Mode.EXCLUDE)
    void leavesTheManagerAsItWas(Backend backend) {
        try (NDManager manager = Fixtures.manager()) {
            NDArray query = zeros(manager, "2,4,3,8");
            NDArray key = zeros(manager, "2,3,5,8");
            int before = manager.getManagedArrays().size();
            AttentionOptions options = AttentionOptions.builder().optBackend(backend).build();
            assertThrows(
                    IllegalArgumentException.class,
                    () -> FlashAttention.attend(query, key, key, options));
            assertEquals(before, manager.getManagedArrays().size());
        }
    }

    private static Refusal refusal(String name, Consumer<NDManager> bad, String... words) {
        return new Refusal(name, IllegalArgumentException.class, bad, PLAIN, words);
    }

    private static Refusal closed(String name, Consumer<NDManager> bad, String... words) {
        return new Refusal(name, IllegalStateException.class, bad, PLAIN, words);
    }

    private static Refusal option(
            String name, Consumer<NDManager> bad, Consumer<NDManager> good, String... words) {
        return new Refusal(name, IllegalArgumentException.class, bad, good, words);
    }

    private static Refusal ofType(DataType type) {
        return refusal(
                "arrays of " + type,
                m -> {
                    NDArray array = zeros(m, "2,4,3,8").toType(type, false);
                    FlashAttention.attend(array, array, array);
                },
                "query is " + type,
                "allowed are [float32, float64, float16, bfloat16]");
    }

    private static Refusal lengths(String name, long[] lengths, String... words) {
        return option(
                name,
                m -> withLengths(m, lengths),
                m -> {
                    withLengths(m, 0, 5);
                    withLengths(m, 5, 5);
                },
                words);
    }

    private static Refusal mask(String name, DataType type, String sizes, String... words) {
        return option(
                name,
                m -> withMask(m, zeros(m, sizes).toType(type, false)),
                m -> withMask(m, zeros(m, "3,5").toType(DataType.BOOLEAN, false)),
                words);
    }

    private static Refusal bias(String name, DataType type, String sizes, String... words) {
        return option(
                name,
                m -> withBias(m, zeros(m, sizes).toType(type, false)),
                m -> withBias(m, zeros(m, "3,5")),
                words);
    }

    private static void withLengths(NDManager manager, long... lengths) {
        attend(
                manager,
                "2,4,3,8",
                "2,2,5,8",
                AttentionOptions.builder().optKeyLengths(lengths).build());
    }

    private static void withMask(NDManager manager, NDArray mask) {
        attend(manager, "2,4,3,8", "2,2,5,8", AttentionOptions.builder().optMask(mask).build());
    }

    private static void withBias(NDManager manager, NDArray bias) {
        attend(manager, "2,4,3,8", "2,2,5,8", AttentionOptions.builder().optBias(bias).build());
    }

    private static void attend(NDManager manager, String query, String key) {
        attend(manager, query, key, AttentionOptions.defaults());
    }

    private static void attend(
            NDManager manager, String query, String key, AttentionOptions options) {
        NDArray output =
                FlashAttention.attend(
                        zeros(manager, query), zeros(manager, key), zeros(manager, key), options);
        assertEquals(shape(query), output.getShape());
    }

    private static NDArray zeros(NDManager manager, String sizes) {
        return manager.zeros(shape(sizes));
    }

    private static NDArray bfloat16(NDManager manager, String sizes) {
        return TorchOps.cast(zeros(manager, sizes), ScalarType.BFLOAT16, manager);
    }

    private static Shape shape(String sizes) {
        return new Shape(Stream.of(sizes.split(",")).mapToLong(Long::parseLong).toArray());
    }
}
