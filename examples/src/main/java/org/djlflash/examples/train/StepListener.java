package org.djlflash.examples.train;

/** Told of every training step. */
@FunctionalInterface
public interface StepListener {

    /**
     * Tells of a step.
     *
     * @param step the step, from 1
     * @param loss the loss of its batch
     */
    void onStep(int step, float loss);
}
