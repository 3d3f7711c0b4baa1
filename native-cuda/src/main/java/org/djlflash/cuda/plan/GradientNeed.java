package org.djlflash.cuda.plan;

/** Which gradients will be asked for after the forward pass. */
public enum GradientNeed {
    /** None: inference. */
    NONE,
    /** Those of query, key and value. */
    INPUTS,
    /** Those of query, key, value and the dense bias. */
    INPUTS_AND_BIAS
}
