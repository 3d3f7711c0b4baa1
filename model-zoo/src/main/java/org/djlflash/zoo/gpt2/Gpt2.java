package org.djlflash.zoo.gpt2;

import ai.djl.Device;
import ai.djl.MalformedModelException;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Parameter;
import ai.djl.training.ParameterStore;
import ai.djl.util.Progress;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.djlflash.AttentionRequest;
import org.djlflash.CausalAlignment;
import org.djlflash.kv.KvCache;
import org.djlflash.torch.GradMode;
import org.djlflash.torch.TorchLibrary;
import org.djlflash.zoo.generate.CausalLanguageModel;
import org.djlflash.zoo.weights.Checkpoint;
import org.djlflash.zoo.weights.WeightBinding;
import org.djlflash.zoo.weights.WeightLoader;

/**
 * A GPT-2 model with its weights, for inference: nothing it computes is recorded by autograd. Train
 * its {@link #block()} instead.
 *
 * <p>Safe for use by many threads. Closing it frees the weights.
 */
public final class Gpt2 implements CausalLanguageModel, AutoCloseable {

    private final Gpt2Block block;
    private final NDManager manager;
    private final ParameterStore parameters;

    /**
     * Wraps a block whose weights are loaded.
     *
     * @param block the block
     * @param manager the manager of its weights
     */
    public Gpt2(Gpt2Block block, NDManager manager) {
        this.block = block;
        this.manager = manager;
        parameters = new ParameterStore(manager, false);
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
        NDManager manager = NDManager.newBaseManager(device, TorchLibrary.ENGINE);
        try {
            return new Gpt2(loadBlock(folder, manager, dataType, progress), manager);
        } catch (IOException | MalformedModelException | RuntimeException e) {
            manager.close();
            throw e;
        }
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
        try (Checkpoint checkpoint = Checkpoint.open(folder)) {
            WeightLoader.builder()
                    .optDataType(dataType)
                    .optIgnored(Gpt2Weights::isDerived)
                    .optProgress(progress)
                    .build()
                    .load(
                            checkpoint,
                            Gpt2Weights.bindings(block, checkpoint.tensors().keySet()),
                            manager);
            // Only now: what is allocated is what the checkpoint holds, whatever the configuration.
            block.initialize(manager, dataType, new Shape(1, 1));
        }
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
        List<WeightBinding> bindings = Gpt2Weights.bindings(block, Set.of("transformer."));
        // Not a temporary file of the system's, which others could not read.
        Path temporary = folder.resolve("model.safetensors.part");
        try (NDManager scope = NDManager.newBaseManager(Device.cpu(), TorchLibrary.ENGINE);
                OutputStream stream = Files.newOutputStream(temporary)) {
            NDList tensors = new NDList();
            for (WeightBinding binding : bindings) {
                tensors.add(stored(binding, scope));
            }
            tensors.encode(stream, NDList.Encoding.SAFETENSORS);
        } catch (IOException | RuntimeException e) {
            Files.deleteIfExists(temporary);
            throw e;
        }
        Files.move(
                temporary,
                folder.resolve("model.safetensors"),
                StandardCopyOption.ATOMIC_MOVE,
                StandardCopyOption.REPLACE_EXISTING);
    }

    private static NDArray stored(WeightBinding binding, NDManager scope) {
        Parameter parameter = binding.parameter();
        NDArray array = parameter.getArray().stopGradient().toDevice(Device.cpu(), false);
        array.attach(scope);
        if (binding.transpose()) {
            NDArray transposed = array.transpose();
            array = transposed.flatten().reshape(transposed.getShape());
        }
        array.setName(binding.tensorName());
        return array;
    }

    /**
     * Returns the block, for training.
     *
     * @return the block
     */
    public Gpt2Block block() {
        return block;
    }

    @Override
    public Sequence newSequence(NDManager owner, int capacity) {
        if (capacity < 1 || capacity > maxPositions()) {
            throw new IllegalArgumentException(
                    "capacity " + capacity + ", allowed is 1 to " + maxPositions());
        }
        return new CachedSequence(owner.newSubManager(manager.getDevice()), capacity);
    }

    @Override
    public NDArray logits(NDArray ids) {
        return GradMode.off(
                () -> block.forward(parameters, new NDList(ids), false).singletonOrThrow());
    }

    @Override
    public NDManager manager() {
        return manager;
    }

    @Override
    public int vocabularySize() {
        return block.config().vocabularySize();
    }

    @Override
    public int maxPositions() {
        return block.config().maxPositions();
    }

    @Override
    public List<Integer> endTokenIds() {
        return block.config().endTokenIds();
    }

    @Override
    public AttentionRequest attentionRequest(int queries, int keys) {
        Gpt2Config config = block.config();
        return new AttentionRequest(
                1,
                config.heads(),
                config.heads(),
                queries,
                keys,
                config.embeddingSize() / config.heads(),
                block.dataType(),
                block.dataType(),
                manager.getDevice(),
                false,
                block.layers().get(0).scale(),
                CausalAlignment.BOTTOM_RIGHT,
                false,
                false,
                false,
                0,
                false);
    }

    /** Frees the weights. Closing twice is harmless. */
    @Override
    public void close() {
        manager.close();
    }

    private final class CachedSequence implements Sequence {

        private final NDManager owner;
        private final List<KvCache> caches = new ArrayList<>();

        CachedSequence(NDManager owner, int capacity) {
            this.owner = owner;
            Gpt2Config config = block.config();
            for (int i = 0; i < config.layers(); i++) {
                caches.add(
                        KvCache.builder()
                                .setBatchSize(1)
                                .setHeads(config.heads())
                                .setHeadSize(config.embeddingSize() / config.heads())
                                .setCapacity(capacity)
                                .optDataType(block.dataType())
                                .build(owner));
            }
        }

        @Override
        public NDArray read(NDArray ids) {
            return GradMode.off(() -> block.lastLogits(parameters, ids, caches));
        }

        @Override
        public void close() {
            owner.close();
        }
    }
}
