package org.djlflash.zoo.provider;

import ai.djl.Device;
import ai.djl.MalformedModelException;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.util.Progress;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import org.djlflash.zoo.ConfigFile;
import org.djlflash.zoo.Loading;
import org.djlflash.zoo.decoder.DecoderBlock;
import org.djlflash.zoo.decoder.DecoderModel;
import org.djlflash.zoo.gpt2.Gpt2Block;
import org.djlflash.zoo.gpt2.Gpt2Config;
import org.djlflash.zoo.json.JsonFields;
import org.djlflash.zoo.llama.LlamaBlock;
import org.djlflash.zoo.llama.LlamaConfig;

/**
 * The language models that generate text, by the {@code model_type} that the {@code config.json} of
 * a Hugging Face folder names.
 */
public final class CausalModels {

    /** Makes a block without weights from a folder's configuration. */
    @FunctionalInterface
    private interface BlockReader {
        DecoderBlock read(Path folder) throws IOException, MalformedModelException;
    }

    private static final Map<String, BlockReader> READERS =
            new TreeMap<>(
                    Map.of(
                            Gpt2Config.MODEL_TYPE,
                            folder -> new Gpt2Block(Gpt2Config.read(folder)),
                            LlamaConfig.MODEL_TYPE,
                            folder -> new LlamaBlock(LlamaConfig.read(folder))));

    private CausalModels() {}

    /**
     * Loads a Hugging Face folder: {@code config.json} and {@code model.safetensors} or shards of
     * it.
     *
     * @param folder the folder
     * @param device the device that will hold the weights
     * @param dataType the type to hold them and to compute in, FLOAT32 or FLOAT16
     * @param progress what is told of the progress, or null
     * @return the model
     * @throws IllegalArgumentException if the type is another one
     * @throws MalformedModelException if the folder does not hold a model that is supported
     * @throws IOException if a file cannot be read
     */
    public static DecoderModel<?> load(
            Path folder, Device device, DataType dataType, Progress progress)
            throws IOException, MalformedModelException {
        return Loading.on(device, manager -> load(folder, manager, dataType, progress));
    }

    /** Loads a folder on a manager, which the model closes. */
    static DecoderModel<?> load(
            Path folder, NDManager manager, DataType dataType, Progress progress)
            throws IOException, MalformedModelException {
        DecoderBlock block = newBlock(folder);
        block.loadWeights(folder, manager, dataType, progress);
        return new DecoderModel<>(block, manager);
    }

    private static DecoderBlock newBlock(Path folder) throws IOException, MalformedModelException {
        JsonFields config = ConfigFile.read(folder);
        BlockReader reader = READERS.get(config.requireString("model_type"));
        if (reader == null) {
            throw config.refuse("model_type", String.join(" or ", READERS.keySet()));
        }
        return reader.read(folder);
    }
}
