package org.djlflash.zoo.decoder;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.djlflash.kv.KvCache;
import org.djlflash.torch.GradMode;
import org.djlflash.zoo.generate.CausalLanguageModel.Sequence;
import org.djlflash.zoo.generate.TokenLoop;

/** Sequences of a model that keeps keys and values of every layer in a cache. For one thread. */
final class CachedSequence implements Sequence {

    /** What the model computes in a step. */
    @FunctionalInterface
    interface Reader {

        /**
         * Reads tokens.
         *
         * @param ids the tokens' ids, shape (B, T)
         * @param step where they stand, and the caches
         * @return the logits after each row's last token, FLOAT32, shape (B, V)
         */
        NDArray lastLogits(NDArray ids, ReadStep step);
    }

    private final NDManager owner;
    private final List<KvCache> caches;
    private final DecoderBlock block;
    private final Reader reader;

    /**
     * Allocates the caches.
     *
     * @param owner closed with the sequence, even if this fails; its device is the model's
     * @param cache what the cache of a layer is like, batch size and capacity included
     * @param block the model
     * @param reader what the model computes
     */
    CachedSequence(NDManager owner, KvCache.Builder cache, DecoderBlock block, Reader reader) {
        this.owner = owner;
        this.block = block;
        this.reader = reader;
        boolean done = false;
        try {
            caches =
                    Stream.generate(() -> cache.build(owner))
                            .limit(block.config().layers())
                            .toList();
            done = true;
        } finally {
            if (!done) {
                owner.close();
            }
        }
    }

    @Override
    public NDArray read(NDArray ids) {
        long[] counts = new long[caches.get(0).batchSize()];
        Arrays.fill(counts, ids.getShape().get(1));
        return read(ids, counts);
    }

    @Override
    public NDArray read(NDArray ids, long... counts) {
        ReadStep step = ReadStep.next(caches, ids, counts);
        return GradMode.off(() -> reader.lastLogits(ids, step));
    }

    @Override
    public List<String> loopReasons() {
        return DeviceLoop.unsupportedReasons(block, caches.get(0), owner.getDevice());
    }

    @Override
    public TokenLoop loop(List<TokenLoop.Row> rows, boolean captured) {
        return new DeviceLoop(owner.newSubManager(), block, caches, rows, captured);
    }

    @Override
    public void select(int... rows) {
        caches.forEach(cache -> cache.select(rows));
    }

    @Override
    public void close() {
        owner.close();
    }
}
