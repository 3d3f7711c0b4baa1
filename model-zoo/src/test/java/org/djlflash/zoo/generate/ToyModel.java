package org.djlflash.zoo.generate;

import ai.djl.Device;
import ai.djl.engine.EngineException;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.djlflash.AttentionRequest;
import org.djlflash.CausalAlignment;
import org.djlflash.zoo.generate.sampling.GreedySampler;
import org.djlflash.zoo.generate.sampling.RandomSampler;

/** A model of a few tokens, whose logits are random numbers seeded by all tokens before. */
final class ToyModel implements CausalLanguageModel, AutoCloseable {

    private final NDManager manager = NDManager.newBaseManager(Device.cpu(), "PyTorch");
    private final int vocabulary;
    private final List<Integer> ends;

    /** The number of tokens read, one for each row and step. */
    int read;

    /** Whether tokens can be chosen without the host, as a device does. */
    boolean loops;

    /** Whether a loop finds nothing to choose. */
    boolean broken;

    /** Which loop fails to begin, counted from 1. */
    int failingLoop;

    /** The rows of each loop that was begun. */
    final List<Integer> loopRows = new ArrayList<>();

    /** The steps of each round of a loop. */
    final List<Integer> rounds = new ArrayList<>();

    ToyModel(int vocabulary, Integer... ends) {
        this.vocabulary = vocabulary;
        this.ends = List.of(ends);
    }

    float[] logits(List<Integer> history) {
        Random random = new Random(history.hashCode() * 31L);
        float[] logits = new float[vocabulary];
        for (int i = 0; i < vocabulary; i++) {
            logits[i] = (float) (2 * random.nextGaussian());
        }
        return logits;
    }

    private final class Histories implements Sequence {

        private final int maxRows;
        private List<List<Integer>> rows;

        Histories(int maxRows) {
            this.maxRows = maxRows;
            rows = IntStream.range(0, maxRows).mapToObj(i -> List.<Integer>of()).toList();
        }

        @Override
        public NDArray read(NDArray ids) {
            long[] counts = new long[rows.size()];
            Arrays.fill(counts, ids.getShape().get(1));
            return read(ids, counts);
        }

        @Override
        public NDArray read(NDArray ids, long... counts) {
            if (ids.getShape().get(0) != rows.size() || counts.length != rows.size()) {
                throw new IllegalArgumentException(ids.getShape() + " for " + rows.size());
            }
            List<List<Integer>> next = new ArrayList<>();
            NDArray logits = ids.getManager().zeros(new Shape(rows.size(), vocabulary));
            float[] all = new float[rows.size() * vocabulary];
            for (int row = 0; row < rows.size(); row++) {
                List<Integer> history = new ArrayList<>(rows.get(row));
                long[] tokens = ids.get(row).toLongArray();
                for (int i = 0; i < counts[row]; i++) {
                    history.add((int) tokens[i]);
                    read++;
                }
                next.add(history);
                System.arraycopy(logits(history), 0, all, row * vocabulary, vocabulary);
            }
            rows = next;
            logits.set(all);
            return logits;
        }

        @Override
        public void select(int... selected) {
            if (selected.length > maxRows) {
                throw new IllegalArgumentException(selected.length + " rows");
            }
            rows = Arrays.stream(selected).mapToObj(rows::get).toList();
        }

        @Override
        public List<String> loopReasons() {
            return loops ? List.of() : List.of("This toy has no device.");
        }

        @Override
        public TokenLoop loop(List<TokenLoop.Row> wanted, boolean captured) {
            loopRows.add(wanted.size());
            if (loopRows.size() == failingLoop) {
                throw new EngineException("the toy is out of memory");
            }
            return new ToyLoop(this, wanted);
        }

        @Override
        public void close() {
            rows = null;
        }
    }

    /** Chooses with the samplers of Java; a row goes on whatever it gave. */
    private final class ToyLoop implements TokenLoop {

        private final Histories sequence;
        private final List<Row> wanted;
        private int[] last;

        ToyLoop(Histories sequence, List<Row> wanted) {
            this.sequence = sequence;
            this.wanted = wanted;
            last =
                    wanted.stream()
                            .mapToInt(row -> row.history()[row.history().length - 1])
                            .toArray();
        }

        @Override
        public int[][] next(int steps) {
            rounds.add(steps);
            return IntStream.range(0, steps).mapToObj(i -> step()).toArray(int[][]::new);
        }

        private int[] step() {
            List<List<Integer>> rows = new ArrayList<>();
            int[] next = new int[last.length];
            for (int row = 0; row < next.length; row++) {
                List<Integer> history = new ArrayList<>(sequence.rows.get(row));
                history.add(last[row]);
                read++;
                rows.add(history);
                float[] logits = logits(history);
                next[row] =
                        wanted.get(row).sampling().temperature() == 0
                                ? new GreedySampler().next(logits, new int[0])
                                : new RandomSampler(wanted.get(row).random())
                                        .next(logits, new int[0]);
            }
            sequence.rows = rows;
            last = next;
            return broken ? new int[] {-1} : next;
        }

        @Override
        public void close() {
            last = null;
        }
    }

    @Override
    public Sequence newSequence(NDManager owner, int rows, int capacity) {
        return new Histories(rows);
    }

    @Override
    public NDArray logits(NDArray ids) {
        throw new UnsupportedOperationException();
    }

    @Override
    public NDManager manager() {
        return manager;
    }

    @Override
    public int vocabularySize() {
        return vocabulary;
    }

    @Override
    public int maxPositions() {
        return 100;
    }

    @Override
    public List<Integer> endTokenIds() {
        return ends;
    }

    @Override
    public AttentionRequest attentionRequest(int queries, int keys) {
        return new AttentionRequest(
                1,
                1,
                1,
                queries,
                keys,
                8,
                DataType.FLOAT32,
                DataType.FLOAT32,
                Device.cpu(),
                false,
                1,
                CausalAlignment.BOTTOM_RIGHT,
                false,
                false,
                false,
                0,
                false,
                0);
    }

    @Override
    public void close() {
        manager.close();
    }
}
