package org.djlflash.zoo;

import ai.djl.Device;
import ai.djl.MalformedModelException;
import ai.djl.ndarray.NDManager;
import java.io.IOException;
import org.djlflash.torch.TorchLibrary;

/** Loads models that own their memory. */
public final class Loading {

    private Loading() {}

    /**
     * Loads a model on a manager.
     *
     * @param <M> the model
     */
    @FunctionalInterface
    public interface Loader<M> {

        /**
         * Loads the model.
         *
         * @param manager the manager of its weights
         * @return the model, which closes the manager
         * @throws MalformedModelException if there is no such model
         * @throws IOException if a file cannot be read
         */
        M load(NDManager manager) throws IOException, MalformedModelException;
    }

    /**
     * Loads a model on a manager of its own, which is closed if that fails.
     *
     * @param device the device that will hold the weights
     * @param loader loads it
     * @param <M> the model
     * @return the model
     * @throws MalformedModelException if there is no such model
     * @throws IOException if a file cannot be read
     */
    public static <M> M on(Device device, Loader<M> loader)
            throws IOException, MalformedModelException {
        NDManager manager = NDManager.newBaseManager(device, TorchLibrary.ENGINE);
        try {
            return loader.load(manager);
        } catch (IOException | MalformedModelException | RuntimeException e) {
            manager.close();
            throw e;
        }
    }
}
