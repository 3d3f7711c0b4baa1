package org.djlflash.zoo.llama;

import ai.djl.Device;
import ai.djl.MalformedModelException;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.util.Progress;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Set;
import org.djlflash.zoo.Loading;
import org.djlflash.zoo.decoder.DecoderModel;
import org.djlflash.zoo.weights.WeightSaver;

/**
 * A Llama model with its weights, for inference: nothing it computes is recorded by autograd. Train
 * its {@link #block()} instead.
 *
 * <p>Safe for use by many threads. Closing it frees the weights.
 */
public final class Llama extends DecoderModel<LlamaBlock> {

    /**
     * Wraps a block whose weights are loaded.
     *
     * @param block the block
     * @param manager the manager of its weights, closed with this model
     */
    public Llama(LlamaBlock block, NDManager manager) {
        super(block, manager);
    }

    /**
     * Loads a Hugging Face folder: {@code config.json} and {@code model.safetensors} or shards of
     * it.
     *
     * @param folder the folder
     * @param device the device that will hold the weights
     * @param dataType the type to hold them and to compute in, whatever that of the file: FLOAT32,
     *     or FLOAT16, half the memory, which our CUDA kernels take
     * @param progress what is told of the progress, or null
     * @return the model
     * @throws IllegalArgumentException if the type is another one
     * @throws MalformedModelException if the folder does not hold a Llama that is supported
     * @throws IOException if a file cannot be read
     */
    public static Llama load(Path folder, Device device, DataType dataType, Progress progress)
            throws IOException, MalformedModelException {
        return Loading.on(
                device,
                manager -> {
                    LlamaBlock block = new LlamaBlock(LlamaConfig.read(folder));
                    block.loadWeights(folder, manager, dataType, progress);
                    return new Llama(block, manager);
                });
    }

    /**
     * Writes the weights of a block as {@code model.safetensors}, named as Hugging Face names them.
     *
     * @param block the block
     * @param folder an existing folder
     * @throws IOException if the file cannot be written
     */
    public static void saveWeights(LlamaBlock block, Path folder) throws IOException {
        WeightSaver.save(block.bindings(Set.of()), folder);
    }
}
