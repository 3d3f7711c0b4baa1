package org.djlflash.zoo.decoder;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.djlflash.cuda.plan.Epilogue;
import org.djlflash.cuda.plan.StepPlanner;
import org.djlflash.kv.KvCache;
import org.djlflash.step.ChoiceArrays;
import org.djlflash.step.DecodeStep;
import org.djlflash.step.Weight;
import org.djlflash.torch.GradMode;
import org.djlflash.torch.Tensor;
import org.djlflash.zoo.generate.TokenLoop;
import org.djlflash.zoo.generate.sampling.SamplingOptions;

/**
 * The loop of a decoder: all it works on is allocated at its start. There is one captured step for
 * each power of two that lengths grow to, since the parts into which keys are split follow it.
 */
final class DeviceLoop implements TokenLoop {

    private static final int LEAST_BOUND = 256;

    /** How many steps may be run before the host has looked at their tokens. */
    private static final int SLOTS = 64;

    private final NDManager manager;
    private final DecoderConfig config;
    private final List<KvCache> caches;
    private final List<Row> rows;
    private final boolean captured;
    private final boolean draws;
    private final StepModel model;
    private final Map<Integer, DecodeStep> steps = new HashMap<>();

    private final NDArray hidden;
    private final NDArray normal;
    private final NDArray queryKeyValue;
    private final NDArray attended;
    private final NDArray inner;
    private final NDArray logits;
    private final ChoiceArrays choices;

    /**
     * Allocates what the steps work on.
     *
     * @param manager closed with the loop, even if this fails; its device is the model's
     * @param block the model
     * @param caches of the layers, holding all tokens but each row's last
     * @param rows how each row goes on
     * @param captured whether steps are captured as graphs
     */
    DeviceLoop(
            NDManager manager,
            DecoderBlock block,
            List<KvCache> caches,
            List<Row> rows,
            boolean captured) {
        this.manager = manager;
        config = block.config();
        this.caches = caches;
        this.rows = rows;
        this.captured = captured;
        draws = rows.stream().anyMatch(row -> row.sampling().temperature() > 0);
        boolean done = false;
        try {
            model = block.stepModel(manager, capacity());
            hidden = vectors(config.embeddingSize());
            normal = vectors(config.embeddingSize());
            int heads = config.heads() + 2 * config.keyValueHeads();
            queryKeyValue = vectors(heads * config.headSize());
            attended = vectors(config.heads() * config.headSize());
            inner = vectors(model.layers().get(0).innerOutput().inputs());
            logits = vectors(multiple(config.vocabularySize()));
            choices = choices();
            // What cannot be captured shows here, while there is another way.
            step(1);
            done = true;
        } finally {
            if (!done) {
                manager.close();
            }
        }
    }

    /**
     * Says why there can be no loop for a model.
     *
     * @param block the model
     * @param cache of a layer
     * @param device where it is
     * @return the reasons, as sentences; empty if there can be one
     */
    static List<String> unsupportedReasons(DecoderBlock block, KvCache cache, Device device) {
        DecoderConfig config = block.config();
        List<String> reasons =
                new ArrayList<>(DecodeStep.unsupportedReasons(device, config.heads(), cache));
        if (block.dataType() != DataType.FLOAT16) {
            reasons.add("The weights are " + block.dataType() + "; the kernels take FLOAT16.");
        }
        int width = config.embeddingSize();
        if (width % StepPlanner.VECTOR != 0 || width > StepPlanner.MOST_NORMALIZED) {
            reasons.add(
                    "The model is "
                            + width
                            + " wide; the kernels take multiples of "
                            + StepPlanner.VECTOR
                            + " up to "
                            + StepPlanner.MOST_NORMALIZED
                            + ".");
        }
        if (config.headSize() % StepPlanner.VECTOR != 0) {
            reasons.add(
                    "A head is "
                            + config.headSize()
                            + " wide; the kernels take multiples of "
                            + StepPlanner.VECTOR
                            + ".");
        }
        if (config.innerSize() % StepPlanner.VECTOR != 0) {
            reasons.add(
                    "The feed-forward part is "
                            + config.innerSize()
                            + " wide; the kernels take multiples of "
                            + StepPlanner.VECTOR
                            + ".");
        }
        if (config.vocabularySize() > StepPlanner.MOST_TOKENS) {
            reasons.add("The vocabulary is larger than " + StepPlanner.MOST_TOKENS + ".");
        }
        return reasons;
    }

    private NDArray vectors(int size) {
        return manager.zeros(new Shape(rows.size(), size), DataType.FLOAT16);
    }

    private static int multiple(int size) {
        return (size + StepPlanner.VECTOR - 1) / StepPlanner.VECTOR * StepPlanner.VECTOR;
    }

    private ChoiceArrays choices() {
        int[] last =
                rows.stream().mapToInt(row -> row.history()[row.history().length - 1]).toArray();
        int[] lengths = new int[rows.size()];
        long[] rules = new long[4 * rows.size()];
        boolean penalties = false;
        for (int row = 0; row < rows.size(); row++) {
            SamplingOptions sampling = rows.get(row).sampling();
            penalties |= sampling.repetitionPenalty() != 1;
            lengths[row] = length(row);
            long[] rule =
                    ChoiceArrays.rule(
                            sampling.temperature(),
                            sampling.topP(),
                            sampling.repetitionPenalty(),
                            sampling.topK());
            System.arraycopy(rule, 0, rules, 4 * row, 4);
        }
        Shape slots = new Shape(SLOTS, rows.size());
        return new ChoiceArrays(
                manager.create(last),
                manager.zeros(slots, DataType.INT32),
                manager.create(lengths),
                manager.create(rules, new Shape(rows.size(), 4)),
                manager.zeros(slots, DataType.FLOAT64),
                penalties ? seen() : null,
                draws ? manager.create(new Shape(rows.size(), config.vocabularySize())) : null);
    }

    private NDArray seen() {
        int vocabulary = config.vocabularySize();
        ByteBuffer seen = ByteBuffer.allocateDirect(Math.multiplyExact(rows.size(), vocabulary));
        for (int row = 0; row < rows.size(); row++) {
            for (int token : rows.get(row).history()) {
                seen.put(row * vocabulary + token, (byte) 1);
            }
        }
        return manager.create(seen, new Shape(rows.size(), vocabulary), DataType.UINT8);
    }

    @Override
    public int[][] next(int count) {
        if (count < 1 || count > SLOTS) {
            throw new IllegalArgumentException(count + " steps, allowed is 1 to " + SLOTS);
        }
        return GradMode.off(
                () -> {
                    if (draws) {
                        putUniforms(count);
                    }
                    for (KvCache cache : caches) {
                        cache.reserve(count);
                        cache.devicePages();
                    }
                    for (int i = 1; i <= count; i++) {
                        step(i).run();
                    }
                    int[][] tokens = takeTokens(count);
                    caches.forEach(cache -> cache.appended(count));
                    return tokens;
                });
    }

    /** By the longest row of this step alone: sums do not depend on how many steps follow. */
    private DecodeStep step(int number) {
        int longest = 0;
        for (int row = 0; row < rows.size(); row++) {
            longest = Math.max(longest, length(row));
        }
        return steps.computeIfAbsent(bound(longest + number), this::newStep);
    }

    private int capacity() {
        return caches.get(0).capacity();
    }

    private int length(int row) {
        return (int) caches.get(0).lengths()[row];
    }

    /** The place in the ring of what a step of this round gives or takes. */
    private int slot(int row, int step) {
        int length = Math.min(length(row) + step + 1, capacity());
        return length % SLOTS * rows.size() + row;
    }

    /** With pages there is one: the table of pages is that of the capacity. */
    private int bound(int longest) {
        if (caches.get(0).pageSize() > 0) {
            return capacity();
        }
        int bound = LEAST_BOUND;
        while (bound < longest) {
            bound *= 2;
        }
        return Math.min(bound, capacity());
    }

    private void putUniforms(int count) {
        double[] numbers = new double[SLOTS * rows.size()];
        for (int row = 0; row < rows.size(); row++) {
            for (int i = 0; i < count && rows.get(row).sampling().temperature() > 0; i++) {
                numbers[slot(row, i)] = rows.get(row).random().nextDouble();
            }
        }
        try (NDArray fresh = manager.create(numbers, new Shape(SLOTS, rows.size()));
                Tensor from = Tensor.lentBy(fresh);
                Tensor to = Tensor.lentBy(choices.uniforms())) {
            to.copyFrom(from);
        }
    }

    /** Waits for the GPU: the only time in a round. */
    private int[][] takeTokens(int count) {
        long[] ring = new long[SLOTS * rows.size()];
        try (Tensor host = Tensor.onCpu(ring);
                Tensor flat = Tensor.lentBy(choices.ring());
                Tensor from = flat.view(new long[] {ring.length}, new long[] {1}, 0)) {
            host.copyFrom(from);
            host.hostPointer().read(0, ring, 0, ring.length);
        }
        int[][] tokens = new int[count][rows.size()];
        for (int i = 0; i < count; i++) {
            for (int row = 0; row < rows.size(); row++) {
                tokens[i][row] = (int) ring[slot(row, i)];
            }
        }
        return tokens;
    }

    private DecodeStep newStep(int bound) {
        DecodeStep.Builder step = DecodeStep.builder(manager, rows.size());
        step.embed(
                choices.ids(),
                choices.lengths(),
                model.tokens(),
                model.positions(),
                hidden,
                capacity());
        for (int i = 0; i < caches.size(); i++) {
            add(step, model.layers().get(i), caches.get(i), bound);
        }
        Weight head = new Weight(model.head(), null);
        return step.norm(hidden, model.outputNorm(), normal)
                .linear(normal, List.of(head), Epilogue.NONE, logits)
                .sample(logits, config.vocabularySize(), choices)
                .build(captured);
    }

    private void add(DecodeStep.Builder step, StepModel.Layer layer, KvCache cache, int bound) {
        step.norm(hidden, layer.attentionNorm(), normal)
                .linear(normal, layer.queryKeyValue(), Epilogue.NONE, queryKeyValue)
                .append(queryKeyValue, cache, choices.lengths(), model.cosine(), model.sine())
                .attend(queryKeyValue, cache, choices.lengths(), bound, layer.scale(), attended)
                .linear(attended, List.of(layer.attentionOutput()), Epilogue.ADD, hidden)
                .norm(hidden, layer.innerNorm(), normal)
                .linear(normal, layer.innerInput(), layer.activation(), inner)
                .linear(inner, List.of(layer.innerOutput()), Epilogue.ADD, hidden);
    }

    @Override
    public void close() {
        steps.values().forEach(DecodeStep::close);
        steps.clear();
        manager.close();
    }
}
