package org.djlflash.zoo.generate;

import ai.djl.engine.EngineException;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.djlflash.zoo.generate.CausalLanguageModel.Sequence;
import org.djlflash.zoo.generate.Search.Found;
import org.djlflash.zoo.generate.Search.Rows;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The steps of a batch: the prompts are read at once, then a token of every row that goes on. Rows
 * that end are dropped, so that they cost nothing more. For one thread.
 */
final class BatchRun implements AutoCloseable {

    private static final Logger LOG = LoggerFactory.getLogger(BatchRun.class);

    /** What is chosen on the device before the host looks: the more, the less it waits. */
    private static final int TOKENS_AT_ONCE = 8;

    private final List<int[]> prompts;
    private final List<Search> searches;
    private final NDManager scope;
    private final Sequence sequence;
    private final long start = System.nanoTime();
    private final long[] ends;
    private final DecodeLoop wanted;

    private long firstTokens;
    private int steps;

    /** Null while logits are read. */
    private TokenLoop loop;

    private String loopName = DecodeLoop.HOST.name();

    /** The searches by the rows of the loop. */
    private int[] looping;

    /** The searches that go on, by their number, and their rows. */
    private Map<Integer, Rows> active = new LinkedHashMap<>();

    /**
     * Begins a batch; nothing is read yet.
     *
     * @param searches one for each prompt, each taking up to so many rows
     * @param capacity the number of tokens of the longest text that may come of it
     * @param wanted how the tokens after the first are to be computed
     * @param pageSize the tokens of a page of the cache, 0 for no pages
     */
    BatchRun(
            CausalLanguageModel model,
            List<int[]> prompts,
            List<Search> searches,
            int rowsOfASearch,
            int capacity,
            DecodeLoop wanted,
            int pageSize) {
        this.prompts = prompts;
        this.searches = searches;
        this.wanted = wanted;
        int count = prompts.size();
        ends = new long[count];
        scope = model.manager().newSubManager();
        boolean done = false;
        try {
            sequence =
                    model.newSequence(
                            scope, Math.multiplyExact(count, rowsOfASearch), capacity, pageSize);
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
     * Reads what is new and continues every text by a token, or by several.
     *
     * @return whether there is more to do
     */
    boolean step() {
        if (loop == null ? !stepByLogits() : !stepByLoop()) {
            return false;
        }
        if (loop == null && steps == 1) {
            startLoop();
        }
        return true;
    }

    /** Begins a loop of the rows that go on, or says in the results why there is none. */
    private void startLoop() {
        List<String> reasons = new ArrayList<>();
        if (wanted == DecodeLoop.HOST) {
            reasons.add("The options want it so.");
        }
        if (searches.stream().anyMatch(search -> search.row().isEmpty())) {
            reasons.add("The search needs the logits.");
        }
        if (reasons.isEmpty()) {
            reasons.addAll(sequence.loopReasons());
        }
        if (reasons.isEmpty()) {
            try {
                loop = newLoop();
                loopName = wanted.name();
                return;
            } catch (EngineException e) {
                LOG.warn("Tokens are chosen on the host", e);
                reasons.add(e.getMessage());
            }
        }
        loopName = DecodeLoop.HOST + ": " + String.join(" ", reasons);
        LOG.debug("Decoding by the {}", loopName);
    }

    private TokenLoop newLoop() {
        List<TokenLoop.Row> rows =
                active.keySet().stream()
                        .map(search -> searches.get(search).row().orElseThrow())
                        .toList();
        looping = active.keySet().stream().mapToInt(Integer::intValue).toArray();
        return sequence.loop(rows, wanted == DecodeLoop.GRAPH);
    }

    /** A row that ends is computed on, unseen, until so are half of them. */
    private boolean stepByLoop() {
        int count = Math.min(TOKENS_AT_ONCE, left());
        int[][] tokens = loop.next(count);
        steps += count;
        for (int row = 0; row < looping.length; row++) {
            int search = looping[row];
            for (int i = 0; i < count && active.containsKey(search); i++) {
                take(search, tokens[i][row]);
            }
        }
        if (!active.isEmpty() && 2 * active.size() <= looping.length) {
            loop.close();
            loop = null;
            sequence.select(
                    IntStream.range(0, looping.length)
                            .filter(row -> active.containsKey(looping[row]))
                            .toArray());
            startLoop();
        }
        return !active.isEmpty();
    }

    /** That of the text with most to come: what a row gives behind its end is not taken. */
    private int left() {
        return active.keySet().stream()
                .mapToInt(search -> searches.get(search).left())
                .max()
                .orElseThrow();
    }

    private void take(int search, int token) {
        if (token < 0) {
            throw new IllegalStateException(
                    "no token can be chosen: a logit is NaN or infinite, or none is finite");
        }
        if (searches.get(search).take(token)) {
            active.put(search, new Rows(new int[1], new int[] {token}));
        } else {
            active.remove(search);
            ends[search] = System.nanoTime();
        }
    }

    private boolean stepByLogits() {
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

    /** How the tokens after the first are computed, and why not faster. */
    String loop() {
        return loopName;
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
        if (loop != null) {
            loop.close();
        }
        sequence.close();
        scope.close();
    }
}
