package org.djlflash.zoo.weights;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.nn.Parameter;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import org.djlflash.torch.TorchLibrary;

/** Writes the parameters of a block as {@code model.safetensors}. */
public final class WeightSaver {

    private static final String FILE = "model.safetensors";

    private WeightSaver() {}

    /**
     * Writes parameters under the names of their tensors.
     *
     * @param bindings which parameter goes into which tensor
     * @param folder an existing folder
     * @throws IOException if the file cannot be written
     */
    public static void save(List<WeightBinding> bindings, Path folder) throws IOException {
        // Not a temporary file of the system's, which others could not read.
        Path temporary = folder.resolve(FILE + ".part");
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
                folder.resolve(FILE),
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
}
