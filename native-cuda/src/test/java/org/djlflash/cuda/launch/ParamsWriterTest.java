package org.djlflash.cuda.launch;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.djlflash.cuda.build.Nvcc;
import org.djlflash.cuda.config.CudaSetting;
import org.djlflash.cuda.plan.AttentionPlan;
import org.djlflash.cuda.plan.AttentionPlanner;
import org.djlflash.cuda.plan.AttentionProblem;
import org.djlflash.cuda.plan.AttentionShape;
import org.djlflash.cuda.plan.BiasKind;
import org.djlflash.cuda.plan.CacheLayout;
import org.djlflash.cuda.plan.CausalAlignment;
import org.djlflash.cuda.plan.DeviceInfo;
import org.djlflash.cuda.plan.ElementType;
import org.djlflash.cuda.plan.Epilogue;
import org.djlflash.cuda.plan.GradientNeed;
import org.djlflash.cuda.plan.Sm80Planner;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Has a C++ program print the written structs as the device will read them. */
class ParamsWriterTest {

    private static final DeviceInfo DEVICE = new DeviceInfo(0, "H100", 9, 0, 132, 232448);
    private static final AttentionShape SHAPE = new AttentionShape(2, 6, 3, 300, 500, 48);

    @TempDir private static Path folder;

    private static Path program;

    private final ParamsWriter writer = new ParamsWriter();

    @BeforeAll
    static void compileProgram() throws IOException {
        Optional<Nvcc> nvcc = Nvcc.find();
        Assumptions.assumeTrue(nvcc.isPresent(), "nvcc is needed to read the structs back");
        Path source = folder.resolve("print_params.cpp");
        try (InputStream in = ParamsWriterTest.class.getResourceAsStream("print_params.cpp")) {
            Files.write(source, in.readAllBytes());
        }
        program = folder.resolve("print_params");
        run(
                nvcc.get().file().toString(),
                "-std=c++17",
                "-I",
                "src/main/cuda",
                "-o",
                program.toString(),
                source.toString());
    }

    @Test
    void forward() throws IOException {
        Map<String, String> read =
                read("ForwardParams", writer.forward(trainingPlan(), forwardArguments()));

        assertEquals(inputs("q", "k", "v", "o", "bias"), pick(read, "q", "k", "v", "o", "bias"));
        assertEquals("9000", read.get("lse"));
        assertTrainingProblem(read);
    }

    @Test
    void rowDot() throws IOException {
        AttentionPlan plan = trainingPlan();
        Map<String, String> read = read("RowDotParams", writer.rowDot(plan, backwardArguments()));

        assertEquals("400,41,42,43", read.get("o"));
        assertEquals("600,61,62,63", read.get("d_o"));
        assertEquals("9000", read.get("lse"));
        assertBackwardWorkspace(plan, read);
        assertTrainingProblem(read);
    }

    @Test
    void backward() throws IOException {
        AttentionPlan plan = trainingPlan();
        Map<String, String> read =
                read("BackwardParams", writer.backward(plan, backwardArguments()));

        assertEquals(inputs("q", "k", "v", "bias"), pick(read, "q", "k", "v", "bias"));
        assertEquals("600,61,62,63", read.get("d_o"));
        assertEquals("800,81,82,83", read.get("dk"));
        assertEquals("900,91,92,93", read.get("dv"));
        assertBackwardWorkspace(plan, read);
        assertTrainingProblem(read);
    }

    @Test
    void convertDq() throws IOException {
        AttentionPlan plan = trainingPlan();
        Map<String, String> read =
                read("ConvertDqParams", writer.convertDq(plan, backwardArguments()));

        assertEquals(workspace(plan, 1), read.get("dq_accum"));
        assertEquals("700,71,72,73", read.get("dq"));
        assertTrainingProblem(read);
    }

    @Test
    void decodeSplitAndCombine() throws IOException {
        AttentionPlan plan = decodePlan();
        assertTrue(plan.splits() > 1);
        long offset = plan.forwardWorkspace().offsets().get(1);
        Map<String, String> partials =
                Map.of("partial_o", "1048576", "partial_lse", String.valueOf(1048576 + offset));

        Map<String, String> split =
                read("DecodeSplitParams", writer.decodeSplit(plan, forwardArguments()));
        assertEquals(inputs("q", "k", "v", "o"), pick(split, "q", "k", "v", "o"));
        assertEquals(partials, pick(split, "partial_o", "partial_lse"));
        assertEquals("9000", split.get("lse"));
        assertEquals("9300", split.get("first_keys"));
        assertEquals("9400", split.get("pages"));
        assertEquals("32", split.get("page_keys"));
        assertEquals("128", split.get("pages_per_row"));
        assertEquals("4096", split.get("keys"));
        assertEquals(String.valueOf(plan.splits()), split.get("splits"));

        Map<String, String> combine =
                read("DecodeCombineParams", writer.decodeCombine(plan, forwardArguments()));
        assertEquals(inputs("o"), pick(combine, "o"));
        assertEquals(partials, pick(combine, "partial_o", "partial_lse"));
        assertEquals("9000", combine.get("lse"));
        assertEquals(String.valueOf(plan.splits()), combine.get("splits"));
        assertEquals("1", combine.get("queries"));
    }

    @Test
    void decode() throws IOException {
        AttentionShape shape = new AttentionShape(3, 4, 2, 1, 4000, 128);
        System.setProperty(CudaSetting.HOPPER_DECODE.property(), "true");
        AttentionPlan plan =
                AttentionPlanner.plan(
                        AttentionProblem.of(ElementType.FP16, shape)
                                .withDecode(true)
                                .withCache(new CacheLayout(true, 64, 200))
                                .withSplits(6),
                        DEVICE);
        System.clearProperty(CudaSetting.HOPPER_DECODE.property());
        Map<String, String> read = read("DecodeParams", writer.decode(plan, forwardArguments()));

        assertEquals(inputs("q"), pick(read, "q"));
        assertEquals("400,41,42,43", read.get("o"));
        assertEquals("9000", read.get("lse"));
        for (int part = 0; part < 3; part++) {
            String field = List.of("partial_sums", "partial_states", "tickets").get(part);
            long offset = plan.forwardWorkspace().offsets().get(part);
            assertEquals(String.valueOf(1048576 + offset), read.get(field));
        }
        assertEquals("9300", read.get("first_keys"));
        assertEquals("9400", read.get("pages"));
        assertEquals("64", read.get("page_keys"));
        assertEquals("63", read.get("pages_per_row"));
        assertEquals("4000", read.get("keys"));
        // 3 rows x 2 key heads, each cut into 6 parts that clusters of 2 blocks share.
        assertEquals("18", read.get("ranges"));
        assertEquals("3", read.get("splits"));
    }

    @Test
    void dropoutMask() throws IOException {
        Map<String, String> read =
                read(
                        "DropoutMaskParams",
                        writer.dropoutMask(
                                trainingPlan().problem(),
                                Randomness.of(-1, Long.MAX_VALUE),
                                new DevicePointer(77)));

        assertEquals("77", read.get("mask"));
        assertEquals("-1", read.get("seed"));
        assertEquals(String.valueOf(Long.MAX_VALUE), read.get("offset"));
        assertEquals("0", read.get("rng_state"));
    }

    @Test
    void update() throws IOException {
        DevicePointer chunks = new DevicePointer(100);
        DevicePointer sums = new DevicePointer(200);
        DevicePointer factor = new DevicePointer(300);

        assertEquals(
                Map.of("chunks", "100", "sums", "200"),
                read("GradientSquaresParams", writer.gradientSquares(chunks, sums)));
        assertEquals(
                Map.of("sums", "200", "factor", "300", "count", "7", "scale", "0.5", "limit", "2"),
                read("ClipFactorParams", writer.clipFactor(sums, 7, 0.5f, 2, factor)));
        assertEquals(Map.of("twins", "100"), read("TwinParams", writer.twins(chunks)));
        AdamWArguments arguments = new AdamWArguments(factor, 1, 2, 3, 4, 5, 6);
        Map<String, String> read = read("AdamWParams", writer.adamW(chunks, arguments));
        assertEquals("100,300", read.get("chunks") + "," + read.get("factor"));
        assertEquals(
                List.of("1", "2", "3", "4", "5", "6"),
                List.copyOf(
                        pick(read, "scale", "keep", "rate", "beta1", "beta2", "epsilon").values()));
    }

    @Test
    void read() throws IOException {
        Map<String, String> read =
                read(
                        "ReadParams",
                        writer.read(new DevicePointer(1600), 1L << 40, new DevicePointer(7)));
        assertEquals(Map.of("data", "1600", "bytes", "1099511627776", "result", "7"), read);
    }

    @Test
    void withoutDeterminismThereAreNoTurns() throws IOException {
        AttentionPlan plan = Sm80Planner.plan(trainingProblem().withDeterministic(false), DEVICE);

        Map<String, String> read =
                read("BackwardParams", writer.backward(plan, backwardArguments()));

        assertEquals("0", read.get("dq_turn"));
    }

    static Stream<Arguments> steps() {
        return Stream.of(
                Arguments.of(
                        "StepEmbedParams",
                        new StepCall.Embed(2, at(1), at(2), at(3), at(4), at(5), 6, 7),
                        "{ids=1, lengths=2, tokens=3, positions=4, hidden=5, width=6, capacity=7}"),
                Arguments.of(
                        "StepNormParams",
                        new StepCall.Norm(2, true, at(1), at(2), at(3), at(4), 5, 0.25f),
                        "{x=1, y=2, gain=3, shift=4, width=5, epsilon=0.25}"),
                Arguments.of(
                        "StepLinearParams",
                        new StepCall.Linear(
                                2,
                                at(1),
                                at(3),
                                List.of(
                                        new StepCall.Weight(at(4), at(5), 6),
                                        new StepCall.Weight(at(7), at(8), 9)),
                                10,
                                11,
                                Epilogue.NONE),
                        "{x=1, y=3, weight[0]=4, weight[1]=7, weight[2]=0, bias[0]=5, bias[1]=8,"
                                + " bias[2]=0, outputs[0]=6, outputs[1]=9, outputs[2]=0, rows=2,"
                                + " inputs=10, pitch=11}"),
                Arguments.of(
                        "StepAppendParams",
                        new StepCall.Append(
                                2, at(1), view(2), at(3), at(4), at(5), at(6), at(7), 8, 9, 10, 11,
                                12),
                        "{qkv=1, keys=200, values=3, lengths=4, cosine=5, sine=6, pages=7,"
                                + " batch=21, head=22, row=23, heads=10, kv_heads=11, head_dim=12,"
                                + " page_keys=8, pages_per_row=9, reserved=0}"),
                Arguments.of(
                        "StepSampleParams",
                        new StepCall.Sample(
                                2, at(1), at(2), at(3), at(4), at(5), at(6), at(7), at(8), 9, 10,
                                11),
                        "{logits=1, ids=2, ring=3, lengths=4, choices=5, uniforms=6, seen=7,"
                                + " values=8, vocabulary=9, pitch=10, slots=11, reserved=0}"));
    }

    @ParameterizedTest
    @MethodSource("steps")
    void step(String struct, StepCall call, String expected) throws IOException {
        assertEquals(expected, read(struct, writer.step(call)).toString());
    }

    private static DevicePointer at(long address) {
        return new DevicePointer(address);
    }

    private static AttentionProblem trainingProblem() {
        return AttentionProblem.of(ElementType.BF16, SHAPE)
                .withCausal(CausalAlignment.ROW_LENGTH)
                .withKeyLengths(true)
                .withBias(BiasKind.FLOAT)
                .withScale(0.25)
                .withDropout(0.25)
                .withGradient(GradientNeed.INPUTS)
                .withDeterministic(true);
    }

    private static AttentionPlan trainingPlan() {
        return Sm80Planner.plan(trainingProblem(), DEVICE);
    }

    private static AttentionPlan decodePlan() {
        AttentionShape shape = new AttentionShape(1, 4, 2, 1, 4096, 128);
        return Sm80Planner.plan(
                AttentionProblem.of(ElementType.FP16, shape)
                        .withDecode(true)
                        .withCache(new CacheLayout(true, 32, 200)),
                DEVICE);
    }

    private static ForwardArguments forwardArguments() {
        return new ForwardArguments(
                view(1),
                view(2),
                view(3),
                view(4),
                view(5),
                new DevicePointer(9000),
                new DevicePointer(9100),
                new CacheRows(new DevicePointer(9300), new DevicePointer(9400)),
                new Randomness(new DevicePointer(9200), 0x1234567890L, 0x2345678901L),
                new DevicePointer(1048576));
    }

    private static BackwardArguments backwardArguments() {
        return new BackwardArguments(
                forwardArguments(), view(6), view(7), view(8), view(9), new DevicePointer(2097152));
    }

    /** View n has the address n00 and the strides n1, n2, n3. */
    private static TensorView view(int n) {
        return TensorView.of(100L * n, 10 * n + 1, 10 * n + 2, 10 * n + 3, 1);
    }

    private static Map<String, String> inputs(String... names) {
        List<String> all = List.of("q", "k", "v", "o", "bias");
        Map<String, String> expected = new LinkedHashMap<>();
        for (String name : names) {
            int n = all.indexOf(name) + 1;
            expected.put(name, "%d00,%d1,%d2,%d3".formatted(n, n, n, n));
        }
        return expected;
    }

    private static void assertTrainingProblem(Map<String, String> read) {
        Map<String, String> expected = new LinkedHashMap<>();
        expected.put("key_lengths", "9100");
        expected.put("rng_state", "9200");
        expected.put("seed", String.valueOf(0x1234567890L));
        expected.put("offset", String.valueOf(0x2345678901L));
        expected.put("batch", "2");
        expected.put("heads", "6");
        expected.put("kv_heads", "3");
        expected.put("queries", "300");
        expected.put("keys", "500");
        expected.put("head_dim", "48");
        expected.put("visibility", "3");
        expected.put("bias_is_float", "1");
        expected.put("scale", "0.25");
        expected.put("keep_scale", "1.33333337");
        expected.put("keep_threshold", "49152");
        expected.put("reserved", "0");
        assertEquals(expected, pick(read, expected.keySet().toArray(String[]::new)));
    }

    private static void assertBackwardWorkspace(AttentionPlan plan, Map<String, String> read) {
        assertEquals(workspace(plan, 0), read.get("row_stats"));
        assertEquals(workspace(plan, 1), read.get("dq_accum"));
        assertEquals(workspace(plan, 2), read.get("dq_turn"));
    }

    private static String workspace(AttentionPlan plan, int part) {
        return String.valueOf(2097152 + plan.backwardWorkspace().offsets().get(part));
    }

    private static Map<String, String> pick(Map<String, String> read, String... names) {
        Map<String, String> picked = new LinkedHashMap<>();
        for (String name : names) {
            picked.put(name, read.get(name));
        }
        return picked;
    }

    private static Map<String, String> read(String struct, ByteBuffer written) throws IOException {
        byte[] bytes = new byte[written.position()];
        written.flip().get(bytes);
        Path file = Files.write(folder.resolve("params"), bytes);
        Map<String, String> fields = new LinkedHashMap<>();
        for (String line : run(program.toString(), struct, file.toString()).lines().toList()) {
            String[] pair = line.split("=", 2);
            fields.put(pair[0], pair[1]);
        }
        return fields;
    }

    private static String run(String... command) throws IOException {
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        String text = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertEquals(0, process.onExit().join().exitValue(), text);
        return text;
    }
}
