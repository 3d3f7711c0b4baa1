package org.djlflash.examples.bench;

import ai.djl.ndarray.types.DataType;
import java.util.Locale;

/** What trains a model. */
public enum TrainingVariant {
    /** DJL's default blocks, trainer and Adam, in FLOAT32. */
    DJL(null),
    /** Our blocks and fused Adam, in FLOAT32. */
    FLOAT32(DataType.FLOAT32),
    /** Our blocks and fused Adam, mixed with BFLOAT16. */
    BFLOAT16(DataType.BFLOAT16),
    /** Our blocks and fused Adam, mixed with FLOAT16. */
    FLOAT16(DataType.FLOAT16);

    private final DataType computeType;

    TrainingVariant(DataType computeType) {
        this.computeType = computeType;
    }

    /** Tells whether it is DJL's own. */
    boolean isDjl() {
        return computeType == null;
    }

    /** The type that ours compute in. */
    DataType computeType() {
        return computeType;
    }

    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
