package org.djlflash.zoo.generate;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.djlflash.zoo.generate.CausalLanguageModel.Sequence;
import org.djlflash.zoo.generate.Search.Found;
import org.djlflash.zoo.generate.Search.Rows;

/**
 * The steps of a batch: the prompts are read at once, then a token of every row that goes on. Rows
 * that end are dropped, so that they cost nothing more. For one thread.
 */
final class BatchRun implements AutoCloseable {

    private final List<int[]> prompts;
    private final List<Search> searches;
    private final NDManager scope;
    private final Sequence sequence;
    private final long start = System.nanoTime();
    private final long[] ends;
    private long firstTokens;
    private int steps;

    /** The searches that go on, by their number, and their rows. */
    private Map<Integer, Rows> active = new LinkedHashMap<>();

    /**
     * Begins a batch; nothing is read yet.
     *
     * @param searches one for each prompt, each taking up to so many rows
     * @param capacity the number of tokens of the longest text that may come of it
     */
    BatchRun(
            CausalLanguageModel model,
            List<int[]> prompts,
            List<Search> searches,
            int rowsOfASearch,
            int capacity) {
        this.prompts = prompts;
        this.searches = searches;
        int count = prompts.size();
        ends = new long[count];
        scope = model.manager().newSubManager();
        boolean done = false;
        try {
            sequence = model.newSequence(scope, Math.multiplyExact(count, rowsOfASearch), capacity);
            if (rowsOfASearch > 1) {
                sequence.select(IntStream.range(0, count).toArray());
            }
            done = true;
        } finally {
            if (!done) {
                scope.close();
            }
        }
        IntStream.range(0, count).forEach(i -> active.put(i, new Rows(new int[1], new int[1])));
    }

    /**
     * Reads what is new and continues every text by a token.
     *
     * @return whether there is more to do
     */
    boolean step() {
        float[][] logits = read();
        steps++;
        Map<Integer, Rows> next = new LinkedHashMap<>();
        IntStream.Builder parents = IntStream.builder();
        int from = 0;
        for (Map.Entry<Integer, Rows> entry : active.entrySet()) {
            int search = entry.getKey();
            int to = from + entry.getValue().count();
            Rows rows = searches.get(search).advance(Arrays.copyOfRange(logits, from, to));
            for (int parent : rows.parents()) {
                parents.add(from + parent);
            }
            if (rows.count() > 0) {
                next.put(search, rows);
            } else {
                ends[search] = System.nanoTime();
            }
            from = to;
        }
        firstTokens = steps == 1 ? System.nanoTime() : firstTokens;
        active = next;
        if (active.isEmpty()) {
            return false;
        }
        int[] rows = parents.build().toArray();
        if (!Arrays.equals(rows, IntStream.range(0, logits.length).toArray())) {
            sequence.select(rows);
        }
        return true;
    }

    private float[][] read() {
        try (NDManager step = scope.newSubManager()) {
            NDArray logits = steps == 0 ? readPrompts(step) : readTokens(step);
            int rows = Math.toIntExact(logits.getShape().get(0));
            int vocabulary = Math.toIntExact(logits.getShape().get(1));
            float[] all = logits.toFloatArray();
            return IntStream.range(0, rows)
                    .mapToObj(i -> Arrays.copyOfRange(all, i * vocabulary, (i + 1) * vocabulary))
                    .toArray(float[][]::new);
        }
    }

    private NDArray readPrompts(NDManager step) {
        long[] counts = prompts.stream().mapToLong(prompt -> prompt.length).toArray();
        int longest = (int) Arrays.stream(counts).max().orElseThrow();
        long[] ids =
                prompts.stream()
                        .flatMapToInt(prompt -> Arrays.stream(Arrays.copyOf(prompt, longest)))
                        .asLongStream()
                        .toArray();
        return sequence.read(step.create(ids, new Shape(counts.length, longest)), counts);
    }

    private NDArray readTokens(NDManager step) {
        long[] ids =
                active.values().stream()
                        .flatMapToInt(rows -> Arrays.stream(rows.tokens()))
                        .asLongStream()
                        .toArray();
        return sequence.read(step.create(ids, new Shape(ids.length, 1)));
    }

    /** What was found for a prompt; only once its search has ended. */
    Found found(int index) {
        return searches.get(index).found();
    }

    int promptLength(int index) {
        return prompts.get(index).length;
    }

    /** The nanoseconds until all prompts had their first token. */
    long prefillNanos() {
        return firstTokens - start;
    }

    /** The nanoseconds from then to the end of a search that has ended. */
    long decodeNanos(int search) {
        return Math.max(0, ends[search] - firstTokens);
    }

    @Override
    public void close() {
        sequence.close();
        scope.close();
    }
}
