package org.djlflash.zoo.gpt2;

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
 * A GPT-2 model with its weights, for inference: nothing it computes is recorded by autograd. Train
 * its {@link #block()} instead.
 *
 * <p>Safe for use by many threads. Closing it frees the weights.
 */
public final class Gpt2 extends DecoderModel<Gpt2Block> {

    /**
     * Wraps a block whose weights are loaded.
     *
     * @param block the block
     * @param manager the manager of its weights
     */
    public Gpt2(Gpt2Block block, NDManager manager) {
        super(block, manager);
    }

    /**
     * Loads a Hugging Face folder as FLOAT32: {@code config.json} and {@code model.safetensors} or
     * shards of it.
     *
     * @param folder the folder
     * @param device the device that will hold the weights
     * @param progress what is told of the progress, or null
     * @return the model
     * @throws MalformedModelException if the folder does not hold a GPT-2 that is supported
     * @throws IOException if a file cannot be read
     */
    public static Gpt2 load(Path folder, Device device, Progress progress)
            throws IOException, MalformedModelException {
        return load(folder, device, DataType.FLOAT32, progress);
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
     * @throws MalformedModelException if the folder does not hold a GPT-2 that is supported
     * @throws IOException if a file cannot be read
     */
    public static Gpt2 load(Path folder, Device device, DataType dataType, Progress progress)
            throws IOException, MalformedModelException {
        return Loading.on(
                device,
                manager -> new Gpt2(loadBlock(folder, manager, dataType, progress), manager));
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
     * @throws MalformedModelException if the folder does not hold a GPT-2 that is supported
     * @throws IOException if a file cannot be read
     */
    public static Gpt2Block loadBlock(
            Path folder, NDManager manager, DataType dataType, Progress progress)
            throws IOException, MalformedModelException {
        Gpt2Block block = new Gpt2Block(Gpt2Config.read(folder));
        block.loadWeights(folder, manager, dataType, progress);
        return block;
    }

    /**
     * Writes the weights of a block as {@code model.safetensors}, named as Hugging Face names them.
     *
     * @param block the block
     * @param folder an existing folder
     * @throws IOException if the file cannot be written
     */
    public static void saveWeights(Gpt2Block block, Path folder) throws IOException {
        WeightSaver.save(block.bindings(Set.of("transformer.")), folder);
    }
}
