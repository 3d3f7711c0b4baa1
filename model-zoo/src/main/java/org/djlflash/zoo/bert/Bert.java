package org.djlflash.zoo.bert;

import ai.djl.Device;
import ai.djl.MalformedModelException;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.training.ParameterStore;
import ai.djl.util.Progress;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Set;
import org.djlflash.torch.GradMode;
import org.djlflash.zoo.Loading;
import org.djlflash.zoo.weights.Checkpoint;
import org.djlflash.zoo.weights.WeightSaver;

/**
 * A BERT model with its weights, for inference: nothing it computes is recorded by autograd. Train
 * its {@link #block()} instead.
 *
 * <p>Safe for use by many threads. Closing it frees the weights.
 */
public final class Bert implements AutoCloseable {

    private final BertBlock block;
    private final NDManager manager;

    /**
     * Wraps a block whose weights are loaded.
     *
     * @param block the block
     * @param manager the manager of its weights
     */
    public Bert(BertBlock block, NDManager manager) {
        this.block = block;
        this.manager = manager;
    }

    /**
     * Loads a Hugging Face folder: {@code config.json} and {@code model.safetensors} or shards of
     * it, with or without a pooler. Heads for tasks are left out.
     *
     * @param folder the folder
     * @param device the device that will hold the weights
     * @param dataType the type to hold them and to compute in, whatever that of the file: FLOAT32,
     *     or FLOAT16, half the memory, which our CUDA kernels take
     * @param progress what is told of the progress, or null
     * @return the model
     * @throws IllegalArgumentException if the type is another one
     * @throws MalformedModelException if the folder does not hold a BERT that is supported
     * @throws IOException if a file cannot be read
     */
    public static Bert load(Path folder, Device device, DataType dataType, Progress progress)
            throws IOException, MalformedModelException {
        return Loading.on(
                device,
                manager -> new Bert(loadBlock(folder, manager, dataType, progress), manager));
    }

    /**
     * Loads the block of a Hugging Face folder.
     *
     * @param folder the folder
     * @param manager the manager of the weights
     * @param dataType the type of the weights, FLOAT32 or FLOAT16
     * @param progress what is told of the progress, or null
     * @return the block, initialised
     * @throws IllegalArgumentException if the type is another one
     * @throws MalformedModelException if the folder does not hold a BERT that is supported
     * @throws IOException if a file cannot be read
     */
    public static BertBlock loadBlock(
            Path folder, NDManager manager, DataType dataType, Progress progress)
            throws IOException, MalformedModelException {
        BertConfig config = BertConfig.read(folder);
        try (Checkpoint checkpoint = Checkpoint.open(folder)) {
            Set<String> names = checkpoint.tensors().keySet();
            BertBlock block = new BertBlock(config, BertWeights.hasPooler(names));
            BertWeights.loader(dataType, progress, name -> false)
                    .load(checkpoint, BertWeights.bindings(block, names), manager);
            // Only now: what is allocated is what the checkpoint holds, whatever the configuration.
            block.initialize(manager, dataType, new Shape(1, 1));
            return block;
        }
    }

    /**
     * Writes the weights of a block as {@code model.safetensors}, named as Hugging Face names them.
     *
     * @param block the block
     * @param folder an existing folder
     * @throws IOException if the file cannot be written
     */
    public static void saveWeights(BertBlock block, Path folder) throws IOException {
        WeightSaver.save(BertWeights.bindings(block, Set.of()), folder);
    }

    /**
     * Computes the hidden states.
     *
     * @param inputs token ids and, if wanted, type ids and mask, as {@link BertBlock} takes them
     * @return as {@link BertBlock} gives them, on the manager of the token ids
     * @throws IllegalArgumentException if the inputs do not fit
     */
    public NDList encode(NDList inputs) {
        // A store is not made for several threads at once.
        ParameterStore parameters = new ParameterStore(manager, false);
        return GradMode.off(() -> block.forward(parameters, inputs, false));
    }

    /**
     * Returns the block, for training.
     *
     * @return the block
     */
    public BertBlock block() {
        return block;
    }

    /**
     * Returns the manager of the weights, whose device is the model's.
     *
     * @return the manager
     */
    public NDManager manager() {
        return manager;
    }

    /** Frees the weights. Closing twice is harmless. */
    @Override
    public void close() {
        manager.close();
    }
}
