package org.djlflash.examples.train;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.training.loss.Loss;

/** What is learnt from samples that have a number each. */
interface TrainingTask {

    /** Returns the number of samples to train on. */
    int samples();

    /** Returns the inputs of samples. */
    NDList inputs(NDManager manager, int... samples);

    /** Returns what the model should say of samples. */
    NDArray labels(NDManager manager, int... samples);

    /** Returns what is made small. */
    Loss loss();

    /** Measures the model on held-out samples, in FLOAT32. */
    double heldOutLoss();

    /** Says what a batch holds, for whoever must make it smaller. */
    String describe(int batchSize);
}
