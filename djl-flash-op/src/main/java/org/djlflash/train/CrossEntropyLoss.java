package org.djlflash.train;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.training.loss.Loss;
import org.djlflash.torch.TorchOps;

/**
 * Softmax cross-entropy, for large vocabularies above all: DJL's own keeps the probabilities
 * several times over, and takes no sequences.
 *
 * <p>Labels: the right classes, of any integer type, shape (...). Predictions: logits, FLOAT32,
 * shape (..., V). The loss is the mean over all labels that are not ignored, NaN if there are none.
 *
 * <p>Safe for use by many threads.
 */
public final class CrossEntropyLoss extends Loss {

    /** The label of what does not count unless another one is named. */
    public static final long IGNORED = -100;

    private final long ignored;

    /** Creates a loss that ignores {@link #IGNORED}. */
    public CrossEntropyLoss() {
        this("CrossEntropyLoss", IGNORED);
    }

    /**
     * Creates a loss.
     *
     * @param name the name that listeners show
     * @param ignored the label of what does not count
     */
    public CrossEntropyLoss(String name, long ignored) {
        super(name);
        this.ignored = ignored;
    }

    /**
     * {@inheritDoc}
     *
     * @throws IllegalArgumentException if labels and logits do not fit each other
     */
    @Override
    public NDArray evaluate(NDList labels, NDList predictions) {
        NDArray logits = predictions.singletonOrThrow();
        NDArray classes = labels.singletonOrThrow();
        Shape shape = logits.getShape();
        int last = shape.dimension() - 1;
        if (last < 1
                || logits.getDataType() != DataType.FLOAT32
                || classes.getShape().size() != shape.slice(0, last).size()) {
            throw new IllegalArgumentException(
                    "labels of shape "
                            + classes.getShape()
                            + " and logits "
                            + logits.getDataType()
                            + " "
                            + shape
                            + ", allowed are (...) and float32 (..., V)");
        }
        return TorchOps.crossEntropy(
                logits.reshape(-1, shape.get(last)),
                classes.toType(DataType.INT64, false).reshape(-1),
                ignored,
                logits.getManager());
    }
}
