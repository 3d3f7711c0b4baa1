package org.djlflash.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import ai.djl.engine.Engine;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.training.GradientCollector;
import org.junit.jupiter.api.Test;

class CrossEntropyLossTest {

    private static final float[] LOGITS = {1, 2, 3, 0, -1, 5, 2, 2, 2, 9, 0, 0};
    private static final int CLASSES = 3;

    /** By the formula, in double. */
    @Test
    void isTheMeanOverWhatCounts() {
        int[] labels = {2, 0, -100, 1};
        double sum = 0;
        double[] gradient = new double[LOGITS.length];
        for (int row = 0; row < labels.length; row++) {
            double total = 0;
            for (int i = 0; i < CLASSES; i++) {
                total += Math.exp(LOGITS[row * CLASSES + i]);
            }
            if (labels[row] >= 0) {
                sum += Math.log(total) - LOGITS[row * CLASSES + labels[row]];
                for (int i = 0; i < CLASSES; i++) {
                    gradient[row * CLASSES + i] =
                            (Math.exp(LOGITS[row * CLASSES + i]) / total
                                            - (i == labels[row] ? 1 : 0))
                                    / 3;
                }
            }
        }
        try (NDManager manager = NDManager.newBaseManager("PyTorch")) {
            NDArray logits = manager.create(LOGITS, new Shape(2, 2, CLASSES));
            logits.setRequiresGradient(true);
            NDArray classes = manager.create(labels, new Shape(2, 2));
            try (GradientCollector collector = Engine.getInstance().newGradientCollector()) {
                NDArray loss =
                        new CrossEntropyLoss().evaluate(new NDList(classes), new NDList(logits));
                collector.backward(loss);
                assertEquals(sum / 3, loss.getFloat(), 1e-6);
            }
            float[] found = logits.getGradient().toFloatArray();
            for (int i = 0; i < found.length; i++) {
                assertEquals(gradient[i], found[i], 1e-6, "gradient " + i);
            }
        }
    }

    @Test
    void misfitsAreRefused() {
        try (NDManager manager = NDManager.newBaseManager("PyTorch")) {
            NDArray labels = manager.zeros(new Shape(2, 2), DataType.INT64);
            CrossEntropyLoss loss = new CrossEntropyLoss();
            for (NDArray logits :
                    new NDArray[] {
                        manager.zeros(new Shape(2, 3, 4)),
                        manager.zeros(new Shape(4)),
                        manager.zeros(new Shape(2, 2, 4), DataType.FLOAT64)
                    }) {
                assertThrows(
                        IllegalArgumentException.class,
                        () -> loss.evaluate(new NDList(labels), new NDList(logits)));
            }
        }
    }
}
