package org.djlflash.zoo.decoder;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.training.ParameterStore;
import java.util.List;
import org.djlflash.AttentionRequest;
import org.djlflash.CausalAlignment;
import org.djlflash.kv.KvCache;
import org.djlflash.torch.GradMode;
import org.djlflash.zoo.generate.CausalLanguageModel;

/**
 * A model with its weights, for inference: nothing it computes is recorded by autograd. Train its
 * {@link #block()} instead.
 *
 * <p>Safe for use by many threads. Closing it frees the weights.
 *
 * @param <B> the kind of model
 */
public class DecoderModel<B extends DecoderBlock> implements CausalLanguageModel, AutoCloseable {

    private final B block;
    private final NDManager manager;
    private final ParameterStore parameters;

    /**
     * Wraps a block whose weights are loaded.
     *
     * @param block the block
     * @param manager the manager of its weights, closed with this model
     */
    public DecoderModel(B block, NDManager manager) {
        this.block = block;
        this.manager = manager;
        parameters = new ParameterStore(manager, false);
    }

    /**
     * Returns the block, for training.
     *
     * @return the block
     */
    public final B block() {
        return block;
    }

    @Override
    public final Sequence newSequence(NDManager owner, int rows, int capacity) {
        return newSequence(owner, rows, capacity, 0);
    }

    @Override
    public final Sequence newSequence(NDManager owner, int rows, int capacity, int pageSize) {
        if (capacity < 1 || capacity > maxPositions()) {
            throw new IllegalArgumentException(
                    "capacity " + capacity + ", allowed is 1 to " + maxPositions());
        }
        DecoderConfig config = block.config();
        return new CachedSequence(
                owner.newSubManager(manager.getDevice()),
                KvCache.builder()
                        .setBatchSize(rows)
                        .setHeads(config.keyValueHeads())
                        .setHeadSize(config.headSize())
                        .setCapacity(capacity)
                        .optPageSize(pageSize)
                        .optDataType(block.dataType()),
                block,
                (ids, step) -> block.lastLogits(parameters, ids, step));
    }

    @Override
    public final NDArray logits(NDArray ids) {
        return GradMode.off(
                () -> block.forward(parameters, new NDList(ids), false).singletonOrThrow());
    }

    @Override
    public final NDManager manager() {
        return manager;
    }

    @Override
    public final int vocabularySize() {
        return block.config().vocabularySize();
    }

    @Override
    public final int maxPositions() {
        return block.config().maxPositions();
    }

    @Override
    public final List<Integer> endTokenIds() {
        return block.config().endTokenIds();
    }

    @Override
    public final AttentionRequest attentionRequest(int queries, int keys) {
        DecoderConfig config = block.config();
        return new AttentionRequest(
                1,
                config.heads(),
                config.keyValueHeads(),
                queries,
                keys,
                config.headSize(),
                block.dataType(),
                block.dataType(),
                manager.getDevice(),
                false,
                block.attentionScale(),
                CausalAlignment.BOTTOM_RIGHT,
                false,
                false,
                false,
                0,
                false,
                0);
    }

    /** Frees the weights. Closing twice is harmless. */
    @Override
    public final void close() {
        manager.close();
    }
}
