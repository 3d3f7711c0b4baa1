package org.djlflash.cuda.plan;

/**
 * What follows a linear layer of a decode step, within its kernel. In the order of the device code.
 */
public enum Epilogue {
    /** Nothing. */
    NONE,
    /** The result is added to what is there: a residual. */
    ADD,
    /** GELU by the error function. */
    GELU,
    /** GELU, approximated by a hyperbolic tangent. */
    GELU_TANH,
    /** The product of the first weight's result, through SiLU, and the second weight's. */
    GATED
}
