package org.djlflash.examples.train;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.types.Shape;
import ai.djl.training.loss.Loss;
import ai.djl.training.loss.SoftmaxCrossEntropyLoss;

/** Softmax cross-entropy of logits (B, T, V) and next tokens (B, T); DJL's own takes no T. */
final class NextTokenLoss extends Loss {

    private final Loss crossEntropy = new SoftmaxCrossEntropyLoss();

    NextTokenLoss() {
        super("NextTokenLoss");
    }

    @Override
    public NDArray evaluate(NDList labels, NDList predictions) {
        NDArray logits = predictions.singletonOrThrow();
        long vocabulary = logits.getShape().get(2);
        return crossEntropy.evaluate(
                new NDList(labels.singletonOrThrow().flatten()),
                new NDList(logits.reshape(new Shape(-1, vocabulary))));
    }
}
