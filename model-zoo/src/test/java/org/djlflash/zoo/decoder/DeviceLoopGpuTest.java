package org.djlflash.zoo.decoder;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.Device;
import ai.djl.engine.Engine;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.index.NDIndex;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Parameter;
import ai.djl.training.ParameterStore;
import ai.djl.training.initializer.NormalInitializer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalInt;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import jcuda.driver.JCudaDriver;
import org.djlflash.kv.KvCache;
import org.djlflash.torch.GradMode;
import org.djlflash.zoo.Activation;
import org.djlflash.zoo.generate.TokenLoop;
import org.djlflash.zoo.generate.sampling.SamplingOptions;
import org.djlflash.zoo.gpt2.Gpt2Block;
import org.djlflash.zoo.gpt2.Gpt2Config;
import org.djlflash.zoo.llama.LlamaBlock;
import org.djlflash.zoo.llama.LlamaConfig;
import org.djlflash.zoo.llama.RotaryScaling;
import org.djlflash.zoo.llama.RotarySettings;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Loops on the GPU of small random models, against reading their whole texts by PyTorch. */
@Tag("gpu")
class DeviceLoopGpuTest {

    private static final int VOCABULARY = 509;
    private static final int CAPACITY = 600;
    private static final int STEPS = 320;
    private static final int[][] PROMPTS = {{1, 2, 3}, {7}, {5, 6, 7, 8, 9, 10, 11}, {300, 4}};

    /** Two logits that differ by less may change places: FLOAT16 rounds on the way to each. */
    private static final float TIE = 0.03f;

    /** Small models of each kind. */
    enum Kind {
        GPT2 {
            @Override
            DecoderBlock block() {
                return new Gpt2Block(
                        new Gpt2Config(
                                VOCABULARY,
                                CAPACITY,
                                192,
                                3,
                                3,
                                328,
                                Activation.GELU_TANH,
                                1e-5,
                                0,
                                0,
                                0,
                                true,
                                true,
                                true,
                                OptionalInt.empty(),
                                List.of()));
            }
        },
        GPT2_EXACT_GELU {
            @Override
            DecoderBlock block() {
                return new Gpt2Block(
                        new Gpt2Config(
                                VOCABULARY,
                                CAPACITY,
                                128,
                                2,
                                2,
                                512,
                                Activation.GELU,
                                1e-5,
                                0,
                                0,
                                0,
                                true,
                                false,
                                false,
                                OptionalInt.empty(),
                                List.of()));
            }
        },
        LLAMA {
            @Override
            DecoderBlock block() {
                return llama(false);
            }
        },
        LLAMA_WITH_BIASES {
            @Override
            DecoderBlock block() {
                return llama(true);
            }
        };

        abstract DecoderBlock block();

        private static DecoderBlock llama(boolean biases) {
            return new LlamaBlock(
                    new LlamaConfig(
                            VOCABULARY,
                            CAPACITY,
                            256,
                            704,
                            2,
                            6,
                            2,
                            64,
                            1e-5,
                            new RotarySettings(10_000, new RotaryScaling.None()),
                            biases,
                            biases,
                            0,
                            false,
                            List.of()));
        }

        DecoderModel<DecoderBlock> model() {
            NDManager manager = NDManager.newBaseManager(Device.gpu(), "PyTorch");
            DecoderBlock block = block();
            block.setInitializer(new NormalInitializer(0.08f), Parameter.Type.WEIGHT);
            block.setInitializer(new NormalInitializer(0.08f), Parameter.Type.BIAS);
            block.initialize(manager, DataType.FLOAT16, new Shape(1, 1));
            return new DecoderModel<>(block, manager);
        }
    }

    @BeforeAll
    static void needGpu() {
        Assumptions.assumeTrue(
                Engine.getEngine("PyTorch").getGpuCount() > 0, "PyTorch finds no GPU");
    }

    /** Texts in the caches of a model, each continued by the token read next. */
    private static final class Texts implements AutoCloseable {

        final DecoderModel<DecoderBlock> model;
        final NDManager manager;
        final List<KvCache> caches;
        final int[][] prompts;

        Texts(DecoderModel<DecoderBlock> model, int[]... prompts) {
            this(model, 0, prompts);
        }

        Texts(DecoderModel<DecoderBlock> model, int pageSize, int[]... prompts) {
            this.model = model;
            this.prompts = prompts;
            manager = model.manager().newSubManager();
            DecoderConfig config = model.block().config();
            KvCache.Builder cache =
                    KvCache.builder()
                            .setBatchSize(prompts.length)
                            .setHeads(config.keyValueHeads())
                            .setHeadSize(config.headSize())
                            .setCapacity(CAPACITY)
                            .optPageSize(pageSize)
                            .optDataType(DataType.FLOAT16);
            caches = Stream.generate(() -> cache.build(manager)).limit(config.layers()).toList();
            read();
        }

        /** All but the last token of each prompt, or one that is taken back. */
        private void read() {
            int longest = Arrays.stream(prompts).mapToInt(p -> p.length).max().orElseThrow();
            long[] ids = new long[prompts.length * longest];
            for (int row = 0; row < prompts.length; row++) {
                for (int i = 0; i < prompts[row].length; i++) {
                    ids[row * longest + i] = prompts[row][i];
                }
            }
            long[] counts = Arrays.stream(prompts).mapToLong(p -> p.length).toArray();
            try (NDManager scope = manager.newSubManager()) {
                NDArray array = scope.create(ids, new Shape(prompts.length, longest));
                ReadStep step = ReadStep.next(caches, array, counts);
                GradMode.off(
                        () ->
                                model.block()
                                        .lastLogits(new ParameterStore(scope, false), array, step));
            }
            long[] before = Arrays.stream(counts).map(count -> count - 1).toArray();
            caches.forEach(cache -> cache.truncate(before));
        }

        /** Makes all NaN that no token has. */
        void poison() {
            for (KvCache cache : caches) {
                long[] lengths = cache.lengths();
                for (NDArray memory : List.of(cache.keyMemory(), cache.valueMemory())) {
                    try (memory) {
                        for (int row = 0; row < lengths.length; row++) {
                            memory.set(new NDIndex("{}, :, {}:, :", row, lengths[row]), Float.NaN);
                        }
                    }
                }
            }
        }

        int[][] continued(int steps, int atOnce, boolean captured, SamplingOptions sampling) {
            List<TokenLoop.Row> rows =
                    Arrays.stream(prompts)
                            .map(
                                    prompt ->
                                            new TokenLoop.Row(
                                                    prompt, sampling, new SplittableRandom(3)))
                            .toList();
            int[][] texts = new int[prompts.length][steps];
            try (DeviceLoop loop =
                    new DeviceLoop(
                            manager.newSubManager(), model.block(), caches, rows, captured)) {
                for (int done = 0; done < steps; done += atOnce) {
                    int[][] tokens = loop.next(atOnce);
                    for (int i = 0; i < atOnce; i++) {
                        for (int row = 0; row < texts.length; row++) {
                            texts[row][done + i] = tokens[i][row];
                        }
                    }
                }
            }
            return texts;
        }

        int[][] greedy(int atOnce, boolean captured) {
            return continued(STEPS, atOnce, captured, SamplingOptions.greedy());
        }

        @Override
        public void close() {
            manager.close();
        }
    }

    /** How much less likely a chosen token is than the best, by reading the whole text at once. */
    private static float worstChoice(DecoderModel<?> model, int[] prompt, int... ids) {
        long[] text =
                IntStream.concat(Arrays.stream(prompt), Arrays.stream(ids))
                        .asLongStream()
                        .toArray();
        try (NDManager scope = model.manager().newSubManager()) {
            NDArray logits = model.logits(scope.create(text, new Shape(1, text.length)));
            float[] all = logits.toFloatArray();
            float worst = 0;
            for (int i = 0; i < ids.length; i++) {
                int from = (prompt.length - 1 + i) * VOCABULARY;
                float best = Float.NEGATIVE_INFINITY;
                for (int id = 0; id < VOCABULARY; id++) {
                    best = Math.max(best, all[from + id]);
                }
                worst = Math.max(worst, best - all[from + ids[i]]);
            }
            return worst;
        }
    }

    @ParameterizedTest
    @EnumSource
    void everyTokenIsTheBestOfTheWholeTextOrTied(Kind kind) {
        try (DecoderModel<DecoderBlock> model = kind.model();
                Texts texts = new Texts(model, PROMPTS)) {
            assertEquals(
                    List.of(),
                    DeviceLoop.unsupportedReasons(
                            model.block(), texts.caches.get(0), Device.gpu()));
            int[][] ids = texts.greedy(8, true);
            for (int row = 0; row < PROMPTS.length; row++) {
                float worst = worstChoice(model, PROMPTS[row], ids[row]);
                assertTrue(worst <= TIE, "row " + row + " is off by " + worst);
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void graphsAndLaunchesAreEqualHoweverManyAtOnce(Kind kind) {
        try (DecoderModel<DecoderBlock> model = kind.model()) {
            int[][] captured;
            try (Texts texts = new Texts(model, PROMPTS)) {
                captured = texts.greedy(8, true);
            }
            try (Texts texts = new Texts(model, PROMPTS)) {
                assertArrayEquals(captured, texts.greedy(20, false));
            }
        }
    }

    /** Keys are split otherwise in other batches, which may turn ties. */
    @ParameterizedTest
    @EnumSource
    void rowsOfAnyBatchAreTheBestOrTied(Kind kind) {
        try (DecoderModel<DecoderBlock> model = kind.model()) {
            for (int rows : new int[] {1, 9, 19, 33}) {
                int[][] many = new int[rows][];
                Arrays.setAll(many, i -> PROMPTS[i % PROMPTS.length]);
                try (Texts texts = new Texts(model, many)) {
                    int[][] ids = texts.greedy(16, true);
                    for (int row = 0; row < rows; row++) {
                        assertArrayEquals(ids[row % PROMPTS.length], ids[row], "row " + row);
                    }
                    for (int row = 0; row < Math.min(rows, PROMPTS.length); row++) {
                        float worst = worstChoice(model, many[row], ids[row]);
                        assertTrue(worst <= TIE, rows + " rows, off by " + worst);
                    }
                }
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void unusedEntriesNeverShow(Kind kind) {
        try (DecoderModel<DecoderBlock> model = kind.model();
                Texts clean = new Texts(model, PROMPTS);
                Texts poisoned = new Texts(model, PROMPTS)) {
            poisoned.poison();
            assertArrayEquals(clean.greedy(8, true), poisoned.greedy(8, true));
        }
    }

    @ParameterizedTest
    @EnumSource
    void pagesGiveTheBestTokensToo(Kind kind) {
        try (DecoderModel<DecoderBlock> model = kind.model();
                Texts whole = new Texts(model, PROMPTS)) {
            int[][] expected = whole.greedy(8, true);
            for (int pageSize : new int[] {16, 64, 256}) {
                try (Texts paged = new Texts(model, pageSize, PROMPTS)) {
                    int[][] ids = paged.greedy(8, true);
                    for (int row = 0; row < PROMPTS.length; row++) {
                        float worst = worstChoice(model, PROMPTS[row], ids[row]);
                        assertTrue(worst <= TIE, pageSize + ": off by " + worst);
                    }
                    assertArrayEquals(Arrays.copyOf(expected[0], 64), Arrays.copyOf(ids[0], 64));
                }
            }
        }
    }

    @Test
    void theSameSeedDrawsTheSameTokens() {
        SamplingOptions sampling =
                SamplingOptions.builder()
                        .optTemperature(0.9)
                        .optTopK(40)
                        .optTopP(0.95)
                        .optRepetitionPenalty(1.2)
                        .build();
        try (DecoderModel<DecoderBlock> model = Kind.GPT2.model();
                Texts first = new Texts(model, PROMPTS);
                Texts second = new Texts(model, PROMPTS)) {
            int[][] tokens = first.continued(96, 8, true, sampling);
            assertArrayEquals(tokens, second.continued(96, 32, true, sampling));
            assertTrue(Arrays.stream(tokens[0]).distinct().count() > 40);
        }
    }

    /** Far beyond the capacity, where rows stay. */
    @Test
    void memoryIsFlatOverTenThousandSteps() {
        try (DecoderModel<DecoderBlock> model = Kind.LLAMA.model();
                Texts texts = new Texts(model, PROMPTS)) {
            SamplingOptions greedy = SamplingOptions.greedy();
            TokenLoop.Row row = new TokenLoop.Row(new int[] {1}, greedy, new SplittableRandom(1));
            try (DeviceLoop loop =
                    new DeviceLoop(
                            texts.manager.newSubManager(),
                            model.block(),
                            texts.caches,
                            List.of(row, row, row, row),
                            true)) {
                IntStream.range(0, 125).forEach(i -> loop.next(8));
                long device = freeBytes();
                long process = residentKilobytes();
                IntStream.range(0, 1250).forEach(i -> loop.next(8));
                assertEquals(device, freeBytes());
                long more = residentKilobytes() - process;
                assertTrue(more < 16 * 1024, more + " KB more");
            }
        }
    }

    private static long freeBytes() {
        long[] free = new long[1];
        JCudaDriver.cuMemGetInfo(free, new long[1]);
        return free[0];
    }

    private static long residentKilobytes() {
        System.gc();
        try (Stream<String> lines = Files.lines(Path.of("/proc/self/status"))) {
            return lines.filter(line -> line.startsWith("VmRSS:"))
                    .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")))
                    .findFirst()
                    .orElseThrow();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
