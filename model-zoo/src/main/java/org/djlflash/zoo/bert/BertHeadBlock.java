package org.djlflash.zoo.bert;

import ai.djl.MalformedModelException;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.AbstractBlock;
import ai.djl.training.ParameterStore;
import ai.djl.util.PairList;
import ai.djl.util.Progress;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.djlflash.nn.Scoped;
import org.djlflash.torch.ScalarType;
import org.djlflash.torch.TorchOps;
import org.djlflash.zoo.weights.Checkpoint;
import org.djlflash.zoo.weights.WeightBinding;
import org.djlflash.zoo.weights.WeightSaver;

/** BERT with a head for a task: takes what {@link BertBlock} takes, gives logits, FLOAT32. */
abstract class BertHeadBlock extends AbstractBlock {

    private final BertBlock bert;

    BertHeadBlock(BertBlock bert) {
        this.bert = addChildBlock("bert", bert);
    }

    /**
     * Returns the BERT below the head.
     *
     * @return the block
     */
    public final BertBlock bert() {
        return bert;
    }

    /**
     * Writes the weights as {@code model.safetensors}, named as Hugging Face names them.
     *
     * @param folder an existing folder
     * @throws IOException if the file cannot be written
     */
    public final void saveWeights(Path folder) throws IOException {
        WeightSaver.save(bindings(Set.of(BertWeights.PREFIX)), folder);
    }

    /** Fills the block from a folder. */
    final void loadWeights(Path folder, NDManager manager, DataType dataType, Progress progress)
            throws IOException, MalformedModelException {
        try (Checkpoint checkpoint = Checkpoint.open(folder)) {
            BertWeights.loader(dataType, progress, this::isLeftOut)
                    .load(checkpoint, bindings(checkpoint.tensors().keySet()), manager);
            // Only now: what is allocated is what the checkpoint holds, whatever the configuration.
            initialize(manager, dataType, new Shape(1, 1));
        }
    }

    /** Fills the BERT from a folder, but for a pooler that the folder has none of; not the head. */
    final void loadBert(Path folder, NDManager manager, Progress progress)
            throws IOException, MalformedModelException {
        try (Checkpoint checkpoint = Checkpoint.open(folder)) {
            Set<String> names = checkpoint.tensors().keySet();
            List<WeightBinding> bindings =
                    BertWeights.bindings(bert, names).stream()
                            .filter(
                                    binding ->
                                            names.contains(binding.tensorName())
                                                    || !BertWeights.isOfPooler(
                                                            binding.tensorName()))
                            .toList();
            BertWeights.loader(DataType.FLOAT32, progress, name -> true)
                    .load(checkpoint, bindings, manager);
        }
    }

    /** Lists the weights of the head. */
    abstract List<WeightBinding> headBindings(Set<String> names);

    /** Tells whether a tensor may be in a checkpoint without being a parameter of this block. */
    abstract boolean isLeftOut(String name);

    private List<WeightBinding> bindings(Set<String> names) {
        return Stream.of(BertWeights.bindings(bert, names), headBindings(names))
                .flatMap(List::stream)
                .toList();
    }

    /** Computes the logits from what the BERT gives. */
    abstract NDArray head(ParameterStore ps, NDList outputs, boolean training);

    @Override
    protected final NDList forwardInternal(
            ParameterStore ps, NDList inputs, boolean training, PairList<String, Object> params) {
        return Scoped.compute(
                inputs.head().getManager(),
                inputs,
                scoped -> {
                    NDArray logits = head(ps, bert.forward(ps, scoped, training), training);
                    return new NDList(
                            logits.getDataType() == DataType.FLOAT32
                                    ? logits
                                    : TorchOps.cast(
                                            logits, ScalarType.FLOAT32, logits.getManager()));
                });
    }

    @Override
    protected void initializeChildBlocks(
            NDManager manager, DataType dataType, Shape... inputShapes) {
        bert.initialize(manager, dataType, inputShapes);
    }
}
