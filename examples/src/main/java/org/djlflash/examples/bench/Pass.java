package org.djlflash.examples.bench;

import java.util.Locale;

/** What is computed. */
public enum Pass {
    /** The output. */
    FORWARD(1),
    /** The gradients, from what forward kept. */
    BACKWARD(2.5),
    /** Both, as a training step does. */
    TRAINING(3.5);

    private final double forwards;

    Pass(double forwards) {
        this.forwards = forwards;
    }

    /** Returns the arithmetic as a multiple of the forward pass: 2 products forward, 5 backward. */
    double forwards() {
        return forwards;
    }

    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
