package org.djlflash.cuda.plan;

/** The dense bias that is added to the scaled scores. */
public enum BiasKind {
    /** No bias. */
    NONE,
    /** A bias in the element type of the problem. */
    ELEMENT,
    /** A bias of 32-bit floats. */
    FLOAT
}
