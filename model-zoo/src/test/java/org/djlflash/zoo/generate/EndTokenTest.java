package org.djlflash.zoo.generate;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.djlflash.zoo.generate.GenerationResult.Finish;
import org.junit.jupiter.api.Test;

/** Texts that end by several tokens, each at its own step of a batch. */
class EndTokenTest {

    private static final int ROWS = 24;
    private static final int TOKENS = 10;

    @Test
    void everyRowEndsByItself() {
        try (ToyModel model = new ToyModel(9, 3, 7)) {
            List<int[]> prompts = new ArrayList<>();
            int read = 0;
            for (int row = 0; row < ROWS; row++) {
                int[] prompt = new int[1 + row % 5];
                Arrays.fill(prompt, row % 9);
                prompts.add(prompt);
                read += prompt.length;
            }
            GenerationOptions options = GenerationOptions.builder().optMaxNewTokens(TOKENS).build();
            List<GenerationResult> results =
                    new TextGenerator(model).generate(prompts, options, i -> (id, count) -> true);
            Set<Integer> lengths = new HashSet<>();
            Set<Integer> ends = new HashSet<>();
            for (int row = 0; row < ROWS; row++) {
                List<Integer> expected = new ArrayList<>();
                int end = continueGreedily(model, prompts.get(row), expected);
                GenerationResult result = results.get(row);
                assertArrayEquals(
                        expected.stream().mapToInt(Integer::intValue).toArray(), result.ids());
                assertEquals(end < 0 ? Finish.LENGTH : Finish.END_TOKEN, result.finish());
                lengths.add(expected.size());
                ends.add(end);
                read += end < 0 ? expected.size() - 1 : expected.size();
            }
            assertEquals(Set.of(-1, 3, 7), ends);
            assertTrue(lengths.size() > 3, "rows end at different steps");
            assertEquals(read, model.read, "what has ended is not read any more");
        }
    }

    private static int continueGreedily(ToyModel model, int[] prompt, List<Integer> ids) {
        List<Integer> history = new ArrayList<>(Arrays.stream(prompt).boxed().toList());
        while (ids.size() < TOKENS) {
            float[] logits = model.logits(history);
            int best = 0;
            for (int id = 1; id < logits.length; id++) {
                best = logits[id] > logits[best] ? id : best;
            }
            if (model.endTokenIds().contains(best)) {
                return best;
            }
            ids.add(best);
            history.add(best);
        }
        return -1;
    }
}
