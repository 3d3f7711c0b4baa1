package org.djlflash.examples.load;

import ai.djl.Device;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.training.initializer.NormalInitializer;
import org.djlflash.torch.TorchLibrary;
import org.djlflash.zoo.bert.Bert;
import org.djlflash.zoo.bert.BertBlock;
import org.djlflash.zoo.bert.BertConfig;

/** A BERT of the shape of all-MiniLM-L6-v2 with random weights: its speed is the same. */
public final class RandomMiniLm {

    /** Its name. */
    public static final String NAME = "random-minilm";

    private static final BertConfig CONFIG =
            new BertConfig(30522, 512, 2, 384, 6, 12, 1536, 1e-12, 0, 0);

    /** What BERT was initialised with. */
    private static final float DEVIATION = 0.02f;

    private RandomMiniLm() {}

    /**
     * Creates one.
     *
     * @param device the device that will hold the weights
     * @param dataType their type
     * @return the model, which the caller closes
     */
    public static Bert create(Device device, DataType dataType) {
        NDManager manager = NDManager.newBaseManager(device, TorchLibrary.ENGINE);
        BertBlock block = new BertBlock(CONFIG, false);
        block.setInitializer(new NormalInitializer(DEVIATION), parameter -> true);
        block.initialize(manager, dataType, new Shape(1, 1));
        return new Bert(block, manager);
    }
}
