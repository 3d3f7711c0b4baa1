package org.djlflash.zoo.provider;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.Device;
import ai.djl.engine.Engine;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.djlflash.zoo.generate.DecodeLoop;
import org.djlflash.zoo.generate.GenerationOptions;
import org.djlflash.zoo.generate.GenerationResult;
import org.djlflash.zoo.generate.TextGenerator;
import org.djlflash.zoo.gpt2.Gpt2;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Long texts of the embedded model in FLOAT16: the same tokens in every way to decode. */
@Tag("gpu")
class DecodeLoopGpuTest {

    private static final Logger LOG = LoggerFactory.getLogger(DecodeLoopGpuTest.class);

    private static final int TOKENS = 400;

    /** The spacing of FLOAT16 at the greatest logits, four times. */
    private static final float TIE = 4 * 0.015625f;

    private static Gpt2 model;
    private static List<int[]> prompts;

    @BeforeAll
    static void load() throws Exception {
        Assumptions.assumeTrue(
                Engine.getEngine("PyTorch").getGpuCount() > 0, "PyTorch finds no GPU");
        model = Gpt2.load(EmbeddedModel.unpack(), Device.gpu(), DataType.FLOAT16, null);
        prompts =
                Arrays.stream(Continuations.all())
                        .map(Continuations.Case::prompt)
                        .limit(4)
                        .toList();
    }

    @AfterAll
    static void close() {
        if (model != null) {
            model.close();
        }
    }

    private static List<GenerationResult> generate(DecodeLoop loop, List<int[]> texts) {
        return new TextGenerator(model)
                .generate(
                        texts,
                        GenerationOptions.builder().optMaxNewTokens(TOKENS).optLoop(loop).build(),
                        row -> (id, count) -> true);
    }

    @Test
    void graphsAndLaunchesInBatchesAndAloneAreEqual() {
        List<GenerationResult> graph = generate(DecodeLoop.GRAPH, prompts);
        List<GenerationResult> launches = generate(DecodeLoop.LAUNCHES, prompts);
        assertEquals(4, graph.size());
        for (int row = 0; row < prompts.size(); row++) {
            assertEquals("GRAPH", graph.get(row).loop());
            assertEquals("LAUNCHES", launches.get(row).loop());
            assertArrayEquals(graph.get(row).ids(), launches.get(row).ids());
            GenerationResult alone = generate(DecodeLoop.GRAPH, List.of(prompts.get(row))).get(0);
            assertArrayEquals(graph.get(row).ids(), alone.ids(), "row " + row);
            LOG.info("{}", alone);
        }
    }

    @Test
    void pagesGiveTheSameTokensButForTies() {
        GenerationOptions paged =
                GenerationOptions.builder().optMaxNewTokens(TOKENS).optPageSize(16).build();
        for (int[] prompt : prompts) {
            int[] whole = generate(DecodeLoop.GRAPH, List.of(prompt)).get(0).ids();
            GenerationResult result =
                    new TextGenerator(model).generate(prompt, paged, (id, count) -> true);
            assertEquals("GRAPH", result.loop());
            assertEqualOrTied(prompt, whole, result.ids());
        }
    }

    /** Each first difference, if there is one, must be a tie in the logits of the whole text. */
    @Test
    void loopsAndWholeTextsAreEqualButForTies() {
        for (int[] prompt : prompts) {
            int[] graph = generate(DecodeLoop.GRAPH, List.of(prompt)).get(0).ids();
            assertEqualOrTied(prompt, graph, recomputed(prompt, graph.length));
            GenerationResult host = generate(DecodeLoop.HOST, List.of(prompt)).get(0);
            assertEquals("HOST: The options want it so.", host.loop());
            assertEqualOrTied(prompt, graph, host.ids());
        }
    }

    /** Reads the whole text for every token. */
    private static int[] recomputed(int[] prompt, int tokens) {
        int[] text = prompt.clone();
        while (text.length < prompt.length + tokens) {
            float[] logits = lastLogits(text);
            int best =
                    IntStream.range(0, logits.length)
                            .reduce((a, b) -> logits[b] > logits[a] ? b : a)
                            .orElseThrow();
            text = Arrays.copyOf(text, text.length + 1);
            text[text.length - 1] = best;
        }
        return Arrays.copyOfRange(text, prompt.length, text.length);
    }

    private static float[] lastLogits(int... text) {
        try (NDManager scope = model.manager().newSubManager()) {
            NDArray ids =
                    scope.create(
                            Arrays.stream(text).asLongStream().toArray(),
                            new Shape(1, text.length));
            return model.logits(ids).get("0, -1").toFloatArray();
        }
    }

    private static void assertEqualOrTied(int[] prompt, int[] expected, int... actual) {
        int first = Arrays.mismatch(expected, actual);
        LOG.info("{} tokens, first difference at {}", expected.length, first);
        if (first < 0 || first >= Math.min(expected.length, actual.length)) {
            assertEquals(expected.length, actual.length);
            return;
        }
        List<Integer> text = new ArrayList<>();
        Arrays.stream(prompt).forEach(text::add);
        Arrays.stream(expected, 0, first).forEach(text::add);
        float[] logits = lastLogits(text.stream().mapToInt(Integer::intValue).toArray());
        float gap = Math.abs(logits[expected[first]] - logits[actual[first]]);
        LOG.info("a tie: the two logits differ by {}", gap);
        assertTrue(gap <= TIE, "token " + first + ": the logits differ by " + gap);
    }
}
